"""What a number was expected to be, whether it is far from that, when something will be full, and control charts."""
