//! Keys, certificates and passwords that a service needs, as data: `host::secrets` makes them.

use std::path::{Path, PathBuf};

/// Something made once, on the first start, and kept (0600).
#[derive(Clone, Debug)]
pub enum Secret {
    /// The site's certificate authority (key and certificate).
    CertificateAuthority {
        /// The key, PEM, 0600.
        key: PathBuf,
        /// The certificate, PEM, 0644.
        certificate: PathBuf,
        /// The subject's common name.
        name: String,
    },
    /// A server certificate signed by the authority, made anew when the names change or it is about to expire.
    ServerCertificate {
        /// The key, PEM, 0600.
        key: PathBuf,
        /// The certificate, PEM, 0644.
        certificate: PathBuf,
        /// The authority's key.
        authority_key: PathBuf,
        /// The authority's certificate.
        authority: PathBuf,
        /// DNS names and addresses.
        names: Vec<String>,
        /// Owner of both files.
        owner: (u32, u32),
    },
    /// An ed25519 ssh key pair (`path` and `path.pub`).
    SshKey {
        /// The private key, OpenSSH format.
        path: PathBuf,
        /// Its comment.
        comment: String,
        /// Owner of both files.
        owner: (u32, u32),
    },
    /// A random password, 32 hexadecimal digits, one line.
    Password {
        /// Where it is kept.
        path: PathBuf,
        /// Owner of the file.
        owner: (u32, u32),
    },
    /// A bcrypt password file with one user, made from a `Password`, and with others.
    PasswordFile {
        /// The file, lines of `user:hash`.
        path: PathBuf,
        /// The user.
        user: String,
        /// Where the clear password is kept.
        password: PathBuf,
        /// Lines of the others, if there are any.
        others: PathBuf,
        /// Owner of the file.
        owner: (u32, u32),
    },
    /// A file with the given contents where `{}` stands for the password kept at `password`.
    Rendered {
        /// The file.
        path: PathBuf,
        /// Text around the password.
        template: String,
        /// Where the clear password is kept.
        password: PathBuf,
        /// Owner of the file.
        owner: (u32, u32),
    },
    /// A file of the operator's or of ours, copied for another reader; made anew when the original changes.
    Copy {
        /// The copy.
        path: PathBuf,
        /// The original.
        original: PathBuf,
        /// Permissions of the copy.
        mode: u32,
        /// Owner of the copy.
        owner: (u32, u32),
    },
}

impl Secret {
    /// The file that stands for it: a key pair's private key, a certificate's certificate.
    pub fn path(&self) -> &Path {
        match self {
            Self::CertificateAuthority { certificate, .. }
            | Self::ServerCertificate { certificate, .. } => certificate,
            Self::SshKey { path, .. }
            | Self::Password { path, .. }
            | Self::PasswordFile { path, .. }
            | Self::Rendered { path, .. }
            | Self::Copy { path, .. } => path,
        }
    }
}
