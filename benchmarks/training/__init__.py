"""Steps of training, with each library."""
