//! Who a server is, by TLS.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// A certificate and its key.
#[derive(Clone)]
pub(crate) struct Identity(TlsAcceptor);

/// A certificate or key that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub(crate) struct IdentityError {
    path: PathBuf,
    why: String,
}

impl Identity {
    /// Reads both from PEM files, the certificate with those between it and its authority.
    pub(crate) fn read(certificates: &Path, key: &Path) -> Result<Identity, IdentityError> {
        let fail = |path: &Path, why: String| IdentityError { path: path.to_owned(), why };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(certificates).and_then(Iterator::collect);
        let chain = chain.map_err(|error| fail(certificates, error.to_string()))?;
        let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| fail(key, error.to_string()))?;
        rustls::crypto::ring::default_provider().install_default().ok();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, secret);
        let config = config.map_err(|error| fail(certificates, error.to_string()))?;
        Ok(Identity(TlsAcceptor::from(Arc::new(config))))
    }

    pub(super) async fn accept<T: AsyncRead + AsyncWrite + Unpin>(&self, stream: T) -> io::Result<TlsStream<T>> {
        self.0.accept(stream).await
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}
