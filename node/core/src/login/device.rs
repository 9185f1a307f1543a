//! What a client says about itself.

use serde::{Deserialize, Serialize};

/// What a client says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The application's id.
    pub api_id: i32,
    /// For example "Pixel 9".
    pub device_model: String,
    /// For example "Android 16".
    pub system_version: String,
    /// For example "12.1.0".
    pub app_version: String,
    /// Name of its language pack, for example "tdesktop"; may be empty.
    pub lang_pack: String,
    /// The address that it was last seen at.
    pub ip: String,
}

/// [`Device`] as it was stored before it had a language pack.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct DeviceV1 {
    pub(super) api_id: i32,
    pub(super) device_model: String,
    pub(super) system_version: String,
    pub(super) app_version: String,
    pub(super) ip: String,
}

impl From<DeviceV1> for Device {
    fn from(old: DeviceV1) -> Self {
        let DeviceV1 { api_id, device_model, system_version, app_version, ip } = old;
        Self { api_id, device_model, system_version, app_version, lang_pack: String::new(), ip }
    }
}

/// What sort of thing a client runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceKind {
    /// A telephone or a tablet.
    Mobile,
    /// A program on a computer.
    Desktop,
    /// A page in a browser.
    Web,
}

impl Device {
    /// The kind, as far as the client's words tell: its language pack, else its system. Libraries
    /// often tell neither.
    #[must_use]
    pub fn kind(&self) -> Option<DeviceKind> {
        use DeviceKind::{Desktop, Mobile, Web};
        match &*self.lang_pack {
            "android" | "android_x" | "ios" => return Some(Mobile),
            "tdesktop" | "macos" => return Some(Desktop),
            "weba" | "webk" | "webz" | "web" => return Some(Web),
            _ => {}
        }
        let model = self.device_model.to_lowercase();
        let said = format!("{} {model}", self.system_version.to_lowercase());
        let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
        // Browsers say their name where others say a device; and their system like everybody.
        let browsers = ["mozilla/", "chrome", "firefox", "safari", "edge", "opera"];
        if browsers.iter().any(|browser| model.starts_with(browser)) {
            Some(Web)
        } else if says(&["android", "ios", "iphone", "ipad"]) {
            Some(Mobile)
        } else if says(&["windows", "macos", "mac os", "darwin", "linux", "freebsd"]) {
            Some(Desktop)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_what_the_client_says() {
        let kind = |lang_pack: &str, device_model: &str, system_version: &str| {
            let (lang_pack, device_model) = (lang_pack.into(), device_model.into());
            let system_version = system_version.into();
            Device { lang_pack, device_model, system_version, ..Device::default() }.kind()
        };
        use DeviceKind::{Desktop, Mobile, Web};
        for (said, known) in [
            (("android", "Pixel 9", "SDK 36"), Some(Mobile)),
            (("", "iPhone17,1", "iOS 19"), Some(Mobile)),
            (("tdesktop", "ThinkPad", "Ubuntu 24.04"), Some(Desktop)),
            (("", "PC", "Linux 6.8"), Some(Desktop)),
            (("weba", "Mozilla/5.0", "Linux x86_64"), Some(Web)),
            (("", "Chrome 140", "Android"), Some(Web)),
            (("", "teapot", "1.0"), None),
        ] {
            assert_eq!(kind(said.0, said.1, said.2), known, "{said:?}");
        }
    }
}
