"""From counts to gene tokens: vocabulary, rank encoding, minibatches."""
