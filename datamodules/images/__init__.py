"""Images: MNIST, dSprites, and one's own."""
