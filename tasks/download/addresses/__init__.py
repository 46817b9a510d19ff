"""Where bytes come from: one adapter per kind of address, behind one small interface."""
