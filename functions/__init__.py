"""One blueprint a capability. A handler parses, makes one domain call and responds."""
