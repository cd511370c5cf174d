// Tells Streamlit where its server is, before it starts. It would look below the page's own address first, be refused,
// and wait a while; and it would ask whether the server is well before it connects.
{
  const root = new URL("../../../../", document.currentScript.src);
  window.__streamlit = {
    BACKEND_BASE_URL: root.href,
    HOST_CONFIG: { allowedOrigins: [root.origin], useExternalAuthToken: false },
  };
}
