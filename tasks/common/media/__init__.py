"""Pictures and untrusted media: encoding, decoding limits, isolated decoders."""
