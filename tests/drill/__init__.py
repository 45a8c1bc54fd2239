"""The trouble drill: what breaks is broken for real, and what people are told of it is written down."""
