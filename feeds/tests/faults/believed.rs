//! A certificate that this process believes. What it believes its environment names, and that is read when it begins: so the
//! test begins once more, as a process of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, version};

/// Names the folder with the certificate to the process that believes it.
const FOLDER: &str = "FEEDS_FAULT_CERTIFICATE";

/// Does the work of the test of this name where the certificate is believed with which servers are shown to be `127.0.0.1`.
pub(crate) fn believing(test: &str, work: impl FnOnce(&TlsAcceptor)) {
    const DONE: &str = "done";
    if let Some(folder) = std::env::var_os(FOLDER) {
        work(&acceptor(Path::new(&folder)));
        return fs_err::write(Path::new(&folder).join(DONE), []).expect("written");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let [certificate, key] = paths(folder.path());
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("made");
    fs_err::write(&certificate, made.cert.pem()).expect("written");
    fs_err::write(key, made.signing_key.serialize_pem()).expect("written");
    let mut again = Command::new(std::env::current_exe().expect("it is this test"));
    again.args(["--exact", test, "--nocapture"]);
    again.env(FOLDER, folder.path()).env("SSL_CERT_FILE", certificate);
    assert!(again.status().expect("it begins").success(), "{test} failed, as is told above");
    assert!(folder.path().join(DONE).exists(), "no test is called {test}");
}

fn paths(folder: &Path) -> [PathBuf; 2] {
    ["certificate.pem", "key.pem"].map(|name| folder.join(name))
}

/// Speaks HTTP/2 under the certificate, and nothing else.
fn acceptor(folder: &Path) -> TlsAcceptor {
    let [certificate, key] = paths(folder);
    let certificate = CertificateDer::from_pem_file(certificate).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let config = config.with_protocol_versions(&[&version::TLS13]).expect("a version");
    let config = config.with_no_client_auth().with_single_cert(vec![certificate], key);
    let mut config = config.expect("they belong together");
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}
