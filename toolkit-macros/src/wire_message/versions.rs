use syn::Ident;
use syn::ext::IdentExt;

use super::ast::Previous;
use super::settings::{Keyed, Reported, TypeSettings, VersionNumber};
use crate::errors::Errors;

/// The versions of the type's own layout, as far as the settings are present and right.
pub(super) struct Versions<'a> {
    pub(super) name: &'a Ident,
    newest: Option<u8>,
    /// The value of `min_version`; `None` if it is missing or wrong.
    min_version: Option<u8>,
    /// Whether there is a `min_version`, right or wrong.
    has_min_version: bool,
}

impl<'a> Versions<'a> {
    pub(super) fn of(name: &'a Ident, settings: &TypeSettings, errors: &mut Errors) -> Self {
        let newest = right(&settings.version).map(|number| number.version);
        if settings.version.is_none() {
            errors.push(
                name,
                "the version of the frame is missing\nhelp: add `#[wire(version = 1)]`",
            );
        }
        let mut min_version = None;
        if let Some(VersionNumber { version: min, literal }) = right(&settings.min_version) {
            match newest {
                Some(newest) if *min > newest => errors.push(
                    literal,
                    format!("`min_version = {min}` is above `version = {newest}`\nhelp: `min_version` is the oldest version that is read, `version` the newest"),
                ),
                _ => min_version = Some(*min),
            }
        }
        Self {
            name,
            newest,
            min_version,
            has_min_version: settings.min_version.is_some(),
        }
    }

    /// Returns the newest version, or 1 if it is not known.
    pub(super) fn newest_or_1(&self) -> u8 {
        self.newest.unwrap_or(1)
    }

    /// Returns the oldest version of the type's own layout: the `min_version`, or the newest version if `min_version`
    /// is missing or wrong. If the newest version is not known either, returns 1.
    pub(super) fn oldest_own(&self) -> u8 {
        self.min_version.or(self.newest).unwrap_or(1)
    }

    /// Returns the oldest and the newest version, if both are known.
    pub(super) fn range(&self) -> Option<(u8, u8)> {
        let oldest_is_known = self.min_version.is_some() || !self.has_min_version;
        let newest = self.newest.filter(|_| oldest_is_known)?;
        Some((self.oldest_own(), newest))
    }

    /// Returns whether there are versions for the previous type. If there are none, reports `previous`. If the own
    /// versions are not known, returns `false` without a report, because the mistake in them is already reported.
    pub(super) fn leave_room_for(&self, previous: &Keyed<Previous>, errors: &mut Errors) -> bool {
        let Some((oldest, _)) = self.range() else {
            return false;
        };
        if oldest == 1 {
            let setting = if self.has_min_version { "min_version" } else { "version" };
            errors.push(
                &previous.key,
                format!(
                    "a previous type needs versions below `{setting} = 1`, and there are none\nhelp: set `min_version` to the first version of `{}` itself",
                    self.name.unraw()
                ),
            );
        }
        oldest > 1
    }

    /// Returns the version in a `since`, if it is above the oldest version and not above the newest. Otherwise reports
    /// the `since`. If the value of the `since` or the versions of the type are not known, returns `None` without a
    /// report, because that mistake is already reported.
    pub(super) fn since(&self, since: &Result<VersionNumber, Reported>, errors: &mut Errors) -> Option<u8> {
        let VersionNumber {
            version: since,
            literal,
        } = since.as_ref().ok()?;
        let (oldest, newest) = self.range()?;
        let name = self.name.unraw();
        let message = if *since > newest {
            format!("`since = {since}` is above `version = {newest}`\nhelp: set `version = {since}` for `{name}`")
        } else if *since > oldest {
            return Some(*since);
        } else if *since == 1 {
            "`since = 1` says nothing, because no version is older\nhelp: leave `since` out".to_owned()
        } else if self.has_min_version {
            format!(
                "no version that `{name}` reads is older than `since = {since}`\nhelp: leave `since` out, or lower `min_version`, which is {oldest}"
            )
        } else {
            format!(
                "`since` needs a `min_version`, without which only version {newest} is read\nhelp: add `min_version = {}` to the `#[wire(..)]` of `{name}`",
                since - 1
            )
        };
        errors.push(literal, message);
        None
    }
}

fn right(setting: &Option<Result<VersionNumber, Reported>>) -> Option<&VersionNumber> {
    setting.as_ref()?.as_ref().ok()
}
