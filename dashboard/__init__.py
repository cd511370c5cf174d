"""The Streamlit pages; they know the service by its client alone."""
