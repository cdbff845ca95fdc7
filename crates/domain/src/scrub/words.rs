//! Words before a number that say what it is, in many languages.

use std::sync::LazyLock;

use regex::Regex;

/// `(?i)` and words of an alphabet at their beginning: `tel` is not in `hotel`.
fn words(pattern: &str) -> Regex {
    Regex::new(&format!("(?i){pattern}")).expect("a pattern of our own is one")
}

static PHONE: LazyLock<Regex> = LazyLock::new(|| {
    words(
        r"(?:\b|_)(?:phones?|tel|telephone|tele?fono?|telefon\w*|téléphone|telefones?|teléfono|mobile?|mobil\w*|cell|celular|cellulare|móvil|handy|handynummer|rufnummer|r[üu]ckrufnummer|call|dial|ring|fax|sms|whatsapp|text(?:ed)?|bel|numara\w*|тел|телефон\w{0,3}|моб\w*|позвони\w*|звони\w*|τηλέφωνο|κινητό)(?:\b|_)|điện thoại|电话|電話|手机|手機|携帯|번호|전화|휴대폰|फ़ोन|फोन|मोबाइल|هاتف|الجوال|جوال|טלפון|נייד|โทร|มือถือ",
    )
});

static IDENTITY: LazyLock<Regex> = LazyLock::new(|| {
    words(
        r"(?:\b|_)(?:ssn|social[ _-]?security|itin|tin|nino|national insurance|nhs|sin|nas|social insurance|tax[ _-]?id\w*|taxpayer|tfn|tax file|steuer\w*|idnr|identifikationsnummer|ahv\w*|nir|sécurité sociale|insee|dni|nie|nif|cpf|cnpf|rut|cuit|cuil|curp|codice fiscale|bsn|burgerservicenummer|pesel|personnummer|personnr|henkilötunnus|hetu|fødselsnummer|cpr|cpr-?n\w*|rijksregister\w*|aadhaar|aadhar|uidai|pan|national[ _-]?id\w*|identity (?:number|card|no)|id[ _-]?number|passports?|passport[ _-]?n\w*|reisepass|passeport|pasaporte|passaporto|passaporte|paspoort|driver'?s? licen[cs]e|t\.?c\.? ?kimlik|kimlik|снилс|инн|паспорт\w*)(?:\b|_)|आधार|身份证|身分證|マイナンバー|個人番号|パスポート|护照|주민등록번호|여권",
    )
});

static VERSION: LazyLock<Regex> = LazyLock::new(|| {
    words(
        r#"(?:\bv|\bver|version|versión|versão|versione|versie|wersja|sürüm|версия|версії|版本|バージョン|버전|\brelease|\brev|revision|\bbuild|firmware|section|chapter|kapitel|abschnitt|\boid|§|==|>=|<=|~=|!=|~|\^)[\s"'.:=]{0,4}$"#,
    )
});

/// From one version to the next: the one before has two or three numbers, which no address has.
static STEP: LazyLock<Regex> = LazyLock::new(|| {
    words(
        r#"(?:^|[^\d.])v?\d{1,5}(?:\.\d{1,5}){1,2}(?:-?(?:rc|beta|alpha)\.?\d*)?[`'")]{0,2}\s?(?:\bto\b|-+>|=>|→|\.\.+|–|\bauf\b|\bbis\b|\bvers\b|\bà\b|\ba\b|\bnaar\b|から|到|至)\s?[`'"(]{0,2}v?$"#,
    )
});

/// Build metadata of semantic versions, and the ends of files that carry their version in their name.
static GLUED: LazyLock<Regex> = LazyLock::new(|| {
    words(r"^(?:\+\w|\.(?:jar|war|dll|so|exe|msi|deb|rpm|apk|dmg|pkg|tgz|tar|zip|gz|whl|gem|nupkg|crate)\b)")
});

static GOODS: LazyLock<Regex> = LazyLock::new(|| {
    words(
        r"(?:\b(?:sku|part|parts|item|order|invoice|ref|reference|serial|model|ticket|case|isbn(?:-1[03])?|issn|ean|upc|asin|doi|tracking|art(?:icle)?|artikel(?:nummer|nr)?|bestell(?:ung|nummer|nr)|rechnung(?:snummer)?|teile?nummer|référence|commande|facture|pedido|factura|fattura|ordine|bestelnummer|zamówienie|заказ\w*|артикул|batch|lot|id)|订单号?|订单编号|注文番号|型番|주문번호)[\s.:#=-]*(?:no|nr|num|number|nummer|code)?[\s.:#=-]{0,3}$",
    )
});

static AMOUNT_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    words(r"(?:[$€£¥₹₽₩]|\b(?:usd|eur|gbp|chf|jpy|cny|inr|brl|pln|rub|kr|sek|nok|dkk))\s?-?$")
});

static AMOUNT_BEHIND: LazyLock<Regex> = LazyLock::new(|| {
    words(
        r"^\s?(?:[$€£¥₹₽₩%°×*^=]|(?:usd|eur|gbp|chf|jpy|inr|brl|pln|rub|kr|sek|nok|dkk|k?m|cm|mm|k?g|mg|m?s|[kmgt]i?b|bytes?|people|credits|points|times|items|rows|records|users)\b)",
    )
});

fn has_words(before: &str) -> bool {
    before.bytes().any(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii())
}

/// Whether a telephone number may follow.
pub(super) fn phones(before: &str) -> bool {
    has_words(before) && PHONE.is_match(before)
}

/// Whether a number by which a state knows people may follow.
pub(super) fn identifies(before: &str) -> bool {
    has_words(before) && IDENTITY.is_match(before)
}

/// Whether a version follows.
pub(super) fn versions(before: &str) -> bool {
    VERSION.is_match(before)
}

/// Whether the version that comes after another one follows.
pub(super) fn is_next_version(before: &str) -> bool {
    STEP.is_match(before)
}

/// Whether what follows four numbers makes them a version.
pub(super) fn goes_on_as_version(behind: &str) -> bool {
    GLUED.is_match(behind)
}

/// Whether the number of a thing follows: of an order, a part, a book.
pub(super) fn numbers_goods(before: &str) -> bool {
    has_words(before) && GOODS.is_match(before)
}

/// Whether a number between these is an amount of something.
pub(super) fn amounts(before: &str, behind: &str) -> bool {
    AMOUNT_BEFORE.is_match(before) || AMOUNT_BEHIND.is_match(behind)
}

/// Whether a name tells what a number under it is.
pub(super) fn tell(name: &str) -> bool {
    phones(name) || identifies(name) || versions(name) || numbers_goods(name)
}
