//! Which URLs are taken. Knows no key.

/// A URL that is fetched: https, or http on this machine.
pub(super) fn fetched(url: &str) -> Option<String> {
    let here = ["http://127.0.0.1:", "http://[::1]:", "http://localhost:"];
    let fits = url.starts_with("https://") || here.iter().any(|here| url.starts_with(here));
    fits.then(|| url.to_owned())
}

/// An origin, as browsers write it.
pub(super) fn origin(text: &str) -> Option<String> {
    let uri: http::Uri = text.parse().ok()?;
    let known = matches!(uri.scheme_str(), Some("https" | "http"));
    let bare = uri.path_and_query().is_none_or(|path| path == "/") && !text.ends_with('/');
    (known && bare && uri.authority().is_some()).then(|| text.to_lowercase())
}
