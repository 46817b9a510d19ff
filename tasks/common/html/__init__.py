"""Self-contained HTML pages: templates, thumbnails as data URIs."""
