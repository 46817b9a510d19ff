"""A published version in other formats: COCO instances, WebDataset shards, an image folder."""
