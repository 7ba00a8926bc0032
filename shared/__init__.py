"""The domain of usage analytics, pure, and its stores."""
