"""What a tenant is made of in Kubernetes. Pure: a `Place` in, manifests out, the same text for the same values."""
