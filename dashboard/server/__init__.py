"""The pages' server: Streamlit, the gateway to the service, the components' files."""
