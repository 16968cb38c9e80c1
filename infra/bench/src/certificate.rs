//! An authority and a certificate for `localhost`, made for one run.

use crate::error::{BenchError, While};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::sync::Arc;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// Returns the authority's certificate as PEM, for `AWS_CA_BUNDLE`, and the settings of a server that it trusts.
///
/// # Errors
/// When the library cannot make them.
pub fn made() -> Result<(String, Arc<ServerConfig>), BenchError> {
    let made = "the certificate";
    let mut authority = CertificateParams::new(Vec::new()).doing(made)?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.distinguished_name.push(rcgen::DnType::CommonName, "the bench's own authority");
    let authority_key = KeyPair::generate().doing(made)?;
    let root = authority.self_signed(&authority_key).doing(made)?;
    let issuer = Issuer::new(authority, authority_key);

    let key = KeyPair::generate().doing(made)?;
    let names = CertificateParams::new(vec!["localhost".to_owned()]).doing(made)?;
    let certificate = names.signed_by(&key, &issuer).doing(made)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).doing(made)?;
    let chain = vec![certificate.der().clone(), root.der().clone()];
    let mut server = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).doing(made)?;
    // The AWS services that the functions call do the same.
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((root.pem(), Arc::new(server)))
}
