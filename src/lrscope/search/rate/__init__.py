"""The science of one axis: which learning rate, from runs at several of them."""
