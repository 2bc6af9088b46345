"""Files of Adobe Data Workbench, read into declarations and written from them."""
