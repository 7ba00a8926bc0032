"""The functions, over HTTP and the queue."""
