"""What people ask of the log, answered from the topics and the changelog alone: no read model is needed."""
