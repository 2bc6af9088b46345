"""Spark, by `spark-submit`: for clusters without Spark Connect. One job evaluates one segment."""
