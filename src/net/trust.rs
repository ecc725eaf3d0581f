//! TLS: whose certificates are believed, and what to do when one is not.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// Whose certificates are believed. Clones share the list, and the sessions that can be resumed.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

/// A file of certificates that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", path.display())]
pub struct TrustError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

impl Trust {
    /// What the machine trusts: its own store, or the file and folder that `SSL_CERT_FILE` and `SSL_CERT_DIR` name. A
    /// machine without any can still speak without TLS.
    pub fn of_machine() -> Trust {
        static MACHINE: OnceLock<Trust> = OnceLock::new();
        MACHINE.get_or_init(|| Trust::of(machine_roots())).clone()
    }

    /// The same, and the certificates in this PEM file.
    ///
    /// # Errors
    /// [`TrustError`] when it cannot be read or holds none.
    pub fn with_ca_file(path: &Path) -> Result<Trust, TrustError> {
        let fail = |why: String| TrustError { path: path.to_owned(), why };
        let found = CertificateDer::pem_file_iter(path).map_err(|error| fail(error.to_string()))?;
        let mut roots = machine_roots();
        let before = roots.len();
        for certificate in found {
            let certificate = certificate.map_err(|error| fail(error.to_string()))?;
            roots.add(certificate).map_err(|error| fail(error.to_string()))?;
        }
        match roots.len() > before {
            true => Ok(Trust::of(roots)),
            false => Err(fail("holds no certificate; give a PEM file".into())),
        }
    }

    fn of(roots: RootCertStore) -> Trust {
        install_crypto();
        Trust(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
    }

    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        self.0.clone()
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}

fn machine_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!("the machine's certificates: {error}");
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    roots
}

/// Makes ring the provider of TLS for this process, unless the program has chosen one.
pub(crate) fn install_crypto() {
    // An error means that one is installed already, by us or by the program: both are fine.
    rustls::crypto::ring::default_provider().install_default().ok();
}

/// Says what a fault of TLS means and what to do, if it is one; the fault's own words otherwise.
pub(crate) fn explain(fault: &str) -> String {
    let known = [
        (
            &["UnknownIssuer"][..],
            "the server's certificate is of an issuer that this machine does not know; \
          name its authority's file in SSL_CERT_FILE, or as fishjam.ca_file",
        ),
        (&["NotValidForName"], "the server's certificate is for another name; check the address, or the certificate"),
        (&["Expired"], "the server's certificate has expired; renew it, or set this machine's clock"),
        (&["NotValidYet"], "the server's certificate is not valid yet; set this machine's clock"),
        (&["Revoked"], "the server's certificate was revoked; it needs another one"),
        (
            &["CaUsedAsEndEntity"],
            "the server shows an authority's certificate as its own; give it a certificate of its \
          own, signed by that authority",
        ),
        (
            &["no native root CA", "NoRootCertificates"],
            "this machine trusts no authority; install ca-certificates, or \
          set SSL_CERT_FILE",
        ),
        (
            &["InvalidContentType", "wrong version number", "corrupt message"],
            "the other end does not speak TLS; use \
          http in place of https, or check the port",
        ),
    ];
    let advice = known.iter().find(|(marks, _)| marks.iter().any(|mark| fault.contains(mark)));
    advice.map_or_else(|| fault.to_owned(), |(_, advice)| (*advice).to_owned())
}

/// The innermost cause says most: "connection refused" rather than "error sending request".
pub(crate) fn root_cause(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).last().map(ToString::to_string).unwrap_or_default()
}
