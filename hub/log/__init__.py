"""The log as the hub runs it: entries taken in, sequenced, cosigned, published, and served."""
