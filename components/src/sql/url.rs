//! Where a store is.

use std::{fmt, path::PathBuf, str::FromStr};

use mysql_async::{Opts, UrlError};

use super::error::StoreError;

/// A store's address: `sqlite://PATH` or `mysql://USER:PASSWORD@HOST:PORT/DATABASE`.
///
/// The path is relative to the current folder unless it begins with a slash
/// (`sqlite:///var/lib/results.db`). `mariadb://` means the same as `mysql://`. Displayed, the
/// password is left out.
///
/// ```
/// use squall_components::sql::StoreUrl;
///
/// let url: StoreUrl = "mysql://ann:secret@db.example:3307/shop".parse()?;
/// assert_eq!(url.to_string(), "mysql://ann:***@db.example:3307/shop");
/// assert_eq!("sqlite://data/a.db".parse::<StoreUrl>()?.to_string(), "sqlite://data/a.db");
/// # Ok::<(), squall_components::sql::StoreError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub enum StoreUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A database on a server.
    MySql(Box<Opts>),
}

impl FromStr for StoreUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        // Messages never repeat the text, for there may be a password in it.
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(StoreError::Url(
                "the store is not a URL; write sqlite://PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE"
                    .to_owned(),
            ));
        };
        match scheme {
            "sqlite" if rest.is_empty() => {
                Err(StoreError::Url("sqlite:// names no file; write sqlite://PATH".to_owned()))
            }
            "sqlite" => Ok(Self::Sqlite(PathBuf::from(rest))),
            "mysql" | "mariadb" => mysql(rest),
            _ => Err(StoreError::Url(format!(
                "`{scheme}://` is not a store; write sqlite://PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE"
            ))),
        }
    }
}

fn mysql(rest: &str) -> Result<StoreUrl, StoreError> {
    let opts = Opts::from_url(&format!("mysql://{rest}")).map_err(|error| {
        StoreError::Url(match error {
            UrlError::UnknownParameter { .. } | UrlError::InvalidParamValue { .. } | UrlError::FeatureRequired { .. } => {
                format!("the mysql:// URL cannot be used: {error}")
            }
            _ => "the mysql:// URL is not like mysql://USER:PASSWORD@HOST:PORT/DATABASE; write `@`, `/`, `:`, `#` \
                  and `%` in a password as %40, %2F, %3A, %23 and %25"
                .to_owned(),
        })
    })?;
    if opts.db_name().is_none_or(str::is_empty) {
        return Err(StoreError::Url(
            "the mysql:// URL names no database; write mysql://USER:PASSWORD@HOST:PORT/DATABASE"
                .to_owned(),
        ));
    }
    Ok(StoreUrl::MySql(Box::new(opts)))
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::MySql(opts) => {
                f.write_str("mysql://")?;
                if let Some(user) = opts.user() {
                    let password = if opts.pass().is_some() { ":***" } else { "" };
                    write!(f, "{user}{password}@")?;
                }
                let database = opts.db_name().unwrap_or_default();
                write!(f, "{}:{}/{database}", opts.ip_or_hostname(), opts.tcp_port())
            }
        }
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn no_message_repeats_a_password() {
        for text in [
            "mysql://ann:hunter2@host",
            "mysql://ann:hunter2@ho st/db",
            "mysql://ann:hunter2@host:port/db",
            "mysql://ann:hunter2@host/db?nonsense=1",
            "postgres://ann:hunter2@host/db",
            "ann:hunter2@host/db",
        ] {
            let error = text.parse::<StoreUrl>().unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
            assert!(error.len() > 20, "{error}");
        }
        let url: StoreUrl = "mariadb://ann:hunter%402@host/db".parse().unwrap();
        assert_eq!(format!("{url:?}"), "mysql://ann:***@host:3306/db");
    }

    #[test]
    fn a_file_may_be_relative_or_absolute() {
        assert_eq!(
            "sqlite://a/b.db".parse::<StoreUrl>().unwrap(),
            StoreUrl::Sqlite("a/b.db".into())
        );
        assert_eq!("sqlite:///a.db".parse::<StoreUrl>().unwrap(), StoreUrl::Sqlite("/a.db".into()));
        assert!("sqlite://".parse::<StoreUrl>().is_err());
    }
}
