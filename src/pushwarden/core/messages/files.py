"""What is said of a file whatever it is for, and of the files that are often taken for a credential."""

from __future__ import annotations

from pushwarden.core.messages.words import Words, failed, passed, warning

_CHOOSE = "Choose another file"

MESSAGES: dict[str, Words] = {
    "file.recognised": passed("File", "This is {what}."),
    "file.repaired": warning(
        "The text was not as its maker wrote it",
        "{what} It could be read all the same.",
        "Nothing to do · Next time, drop the original file",
    ),
    "file.unknown": failed(
        "We don't recognise this file",
        "{name}, {size}. We can read .p8, .p12, .pfx, .cer, .pem and Google's .json. It begins with `{first}`.",
        _CHOOSE,
    ),
    "file.empty": failed(
        "The file is empty", "{name} has {size} bytes. Browsers and mail filters sometimes do this.", "Choose again"
    ),
    "file.too_large": failed(
        "The file is too large for a credential",
        "{name} has more than {limit}; the largest credentials have a tenth.",
        _CHOOSE,
    ),
    "file.truncated": failed(
        "The file is cut off",
        "{name} says it has {whole} bytes, and {size} are here. The download did not end.",
        "Download or copy it again",
    ),
    "file.too_complex": failed(
        "Reading this file takes more than any credential needs",
        "It was given up after {limit}. Nothing was saved, and nothing else was disturbed.",
        "Export it again · Choose another file",
    ),
    "file.timeout": failed(
        "Reading this file took too long",
        "It was given up after {seconds} s. Nothing was saved, and nothing else was disturbed.",
        "Try again · Export it again",
    ),
    "file.other_provider": failed(
        "That is for {found}, not for {given}",
        "The file is {what}; it sends through {found}.",
        "Leave the provider out: it is known by the file · Choose another file",
    ),
    "file.html": failed(
        "That is a web page",
        "{name} holds a page, often a sign-in or an error page saved under the file's name.",
        "Sign in there and download the file again",
    ),
    "file.is_profile": failed(
        "That is a provisioning profile",
        "It belongs in Xcode. For sending you need a key (.p8) or a push certificate.",
        "Show me where: developer.apple.com → Certificates, Identifiers & Profiles → Keys",
    ),
    "file.is_google_services": failed(
        "That is the app's `google-services.json`",
        "It goes into the Android app. For sending we need the service account key: "
        "Firebase → Project settings → Service accounts → Generate new private key.",
        "Open Firebase[ (project {project_id})]",
    ),
    "file.is_google_info": failed(
        "That is the app's `GoogleService-Info.plist`",
        "It goes into the iOS app. For sending to iPhones we need Apple's key (.p8) or push certificate; for Android, "
        "the service account key: Firebase → Project settings → Service accounts → Generate new private key.",
        "Open Firebase[ (project {project_id})] · Open Apple's key list",
    ),
    "file.is_legacy_fcm_key": failed(
        "That is an old FCM server key",
        "Google switched the legacy API off. Use a service-account JSON.",
        "Show me where: Firebase → Project settings → Service accounts → Generate new private key",
    ),
    "file.is_device_token": failed(
        "That is a device's token",
        "It says where to send, not who may send. It belongs among the devices.",
        "Register the device with it · Choose another file",
    ),
    "file.is_oauth_client": failed(
        "That is an OAuth client",
        "It signs people in to an app. For sending we need the service account key: "
        "Firebase → Project settings → Service accounts → Generate new private key.",
        "Open Firebase[ (project {project_id})]",
    ),
    "file.is_csr": failed(
        "That is a certificate request",
        "It is what Apple is given; what sends is what Apple gives back for it.",
        "Upload it at Apple · Drop the .cer Apple gives back",
    ),
    "file.is_private_key": failed(
        "That is a private key alone",
        "It is {what}, without the certificate or the account it belongs to.",
        "Drop the .p12 that holds both · Drop Google's whole .json",
    ),
    "file.is_public_key": failed(
        "That is a public key", "Anybody may have it; sending needs the private one.", _CHOOSE
    ),
    "file.is_p7b": failed(
        "That is a bundle of certificates (.p7b)",
        "It holds no key, so we can't sign with it.",
        "Drop the .p12 with the key · Drop the .cer for a request made here",
    ),
    "file.is_keystore": failed(
        "That is a Java keystore",
        "It signs Android apps. For sending we need Google's service account key (.json).",
        "Choose another file",
    ),
    "file.is_keychain": failed(
        "That is a whole Keychain",
        "Please don't send it anywhere: it may hold every password of its owner.",
        "In Keychain Access export the push certificate alone, as .p12",
    ),
    "file.is_app": failed(
        "That is an app", "{name} is {what}. The app receives pushes; sending needs a key of its own.", _CHOOSE
    ),
    "file.is_archive": failed(
        "That is an archive", "{name} is {what}. We don't open archives.", "Unpack it and drop the file inside"
    ),
    "file.is_document": failed("That is {what}", "{name} is for people to look at; there is no key in it.", _CHOOSE),
    "file.is_mac_shadow": failed(
        "That is a Mac's companion file",
        "A Mac writes `._` files beside the real one; they hold no content.",
        "Choose the file of the same name without `._`",
    ),
    "file.is_pgp": failed(
        "That is PGP",
        "The file is closed or signed with PGP, or is a PGP key.",
        "Open it with PGP and drop what is inside",
    ),
    "file.is_ssh_key": failed(
        "That is an SSH key", "It opens servers; Apple, Google and Microsoft don't know it.", _CHOOSE
    ),
}
