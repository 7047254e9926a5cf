package mapping

import (
	"strings"

	"github.com/concord-trust/concord/observable"
)

// mispType says what the values of a type of attributes are.
type mispType struct {
	// types of observables, tried in order.
	types []observable.Type
	role  string
	// prefix is put before a digest that is no digest of the whole file, so
	// that nobody takes it for one.
	prefix string
	// field takes the value instead, as a statement.
	field string
	// reason why nothing takes it.
	reason string
}

func is(types ...observable.Type) mispType { return mispType{types: types} }

func (t mispType) as(role string) mispType { t.role = role; return t }

func named(digest string) mispType { return mispType{prefix: digest + ":"} }

func stated(field string) mispType { return mispType{field: field} }

func none(reason string) mispType { return mispType{reason: reason} }

// The reasons for which whole families of types are left out.
const (
	reasonRule      = "a rule for detection is no value seen, and the standard has no field for it"
	reasonPart      = "it describes the thing beside it; the standard has no type for it"
	reasonTechnical = "the standard has no type of observables for it"
	reasonMoney     = "the standard takes accounts at banks by their IBAN alone"
	reasonPerson    = "it identifies a person in a way that the standard does not collect"
	reasonSecret    = "it may hold a secret, and is not passed on"
	reasonText      = "a text without a type; the standard has no field for it"
	reasonUnknown   = "the type is not known here"
	reasonFile      = "the contents of files are not taken"
)

// mispTypes holds a row for each type that the core format knows and does not
// join from two others; [misp.Composite] types are taken by their halves.
var mispTypes = map[string]mispType{
	"ip-src": is(observable.IP, observable.CIDR).as("source"),
	"ip-dst": is(observable.IP, observable.CIDR),
	"ip":     is(observable.IP, observable.CIDR), // the second half of domain|ip
	"domain": is(observable.Domain, observable.IP), "hostname": is(observable.Domain, observable.IP), "onion-address": is(observable.Domain),
	"url": is(observable.URL, observable.Domain, observable.IP), "uri": is(observable.URL), "link": stated("reference"),
	"AS": is(observable.ASN), "user-agent": is(observable.UserAgent), "mutex": is(observable.Mutex), "regkey": is(observable.RegistryKey),
	"vulnerability": is(observable.CVE),

	"md5": is(observable.FileHash), "sha1": is(observable.FileHash), "sha224": is(observable.FileHash), "sha256": is(observable.FileHash),
	"sha384": is(observable.FileHash), "sha512": is(observable.FileHash),
	"sha512/224": named("sha512/224"), "sha512/256": named("sha512/256"), "sha3-224": named("sha3-224"), "sha3-256": named("sha3-256"),
	"sha3-384": named("sha3-384"), "sha3-512": named("sha3-512"), "ssdeep": named("ssdeep"), "imphash": named("imphash"),
	"telfhash": named("telfhash"), "impfuzzy": named("impfuzzy"), "authentihash": named("authentihash"), "vhash": named("vhash"),
	"pehash": named("pehash"), "tlsh": named("tlsh"), "cdhash": named("cdhash"),
	"filename": is(observable.FileName), "email-attachment": is(observable.FileName).as("payload"), "malware-sample": is(observable.FileName).as("payload"),

	"email": is(observable.Email), "email-src": is(observable.Email).as("sender"), "email-dst": is(observable.Email).as("target"),
	"email-reply-to": is(observable.Email).as("sender"), "whois-registrant-email": is(observable.Email), "dns-soa-email": is(observable.Email),
	"target-email": is(observable.Email).as("target"), "eppn": is(observable.Account), "jabber-id": is(observable.Account),
	"twitter-id": is(observable.Account), "github-username": is(observable.Account), "github-organisation": is(observable.Account),
	"target-user": is(observable.Account).as("target"), "phone-number": is(observable.Phone), "whois-registrant-phone": is(observable.Phone),
	"full-name": is(observable.Person), "whois-registrant-name": is(observable.Person), "whois-registrant-org": is(observable.Organisation),
	"target-org": is(observable.Organisation).as("target"), "target-location": stated("victim.country"),
	"btc": is(observable.Wallet), "xmr": is(observable.Wallet), "dash": is(observable.Wallet),
	"iban": is(observable.IBAN), "bank-account-nr": is(observable.IBAN),
	"threat-actor": stated("actor.external.name"), "campaign-name": stated("incident.campaign"), "campaign-id": none("the standard takes the name of a campaign alone"),
	"malware-type": stated("action.malware.name"),

	"bic": none(reasonMoney), "aba-rtn": none(reasonMoney), "bin": none(reasonMoney), "cc-number": none(reasonMoney), "prtn": none(reasonMoney),
	"snort": none(reasonRule), "yara": none(reasonRule), "sigma": none(reasonRule), "bro": none(reasonRule), "zeek": none(reasonRule), "suricata": none(reasonRule),
	"pattern-in-file": none(reasonRule), "pattern-in-memory": none(reasonRule), "pattern-in-traffic": none(reasonRule), "filename-pattern": none(reasonRule),
	"stix2-pattern": none(reasonRule), "kusto-query": none(reasonRule), "gene": none(reasonRule), "cortex": none(reasonRule),
	"port": none(reasonPart), "value": none(reasonPart), "size-in-bytes": none(reasonPart), "mime-type": none(reasonPart), "pdb": none(reasonPart),
	"counter": none(reasonPart), "integer": none(reasonPart), "float": none(reasonPart), "boolean": none(reasonPart), "datetime": none(reasonPart),
	"uuid": none(reasonPart), "cpe": none(reasonPart), "weakness": none(reasonPart), "whois-registrar": none(reasonPart), "whois-creation-date": none(reasonPart),
	"email-subject": none(reasonPart), "email-body": none("the text of a message may hold anything, and is not passed on"), "email-header": none(reasonPart),
	"email-x-mailer": none(reasonPart), "email-mime-boundary": none(reasonPart), "email-thread-index": none(reasonPart), "email-message-id": none(reasonPart),
	"email-src-display-name": none(reasonPart), "email-dst-display-name": none(reasonPart),
	"attachment": none(reasonFile), "hex": none(reasonText), "text": none(reasonText), "comment": none(reasonText), "other": none(reasonText),
	"anonymised": none("the value was taken out at its source"),
	"cookie":     none(reasonSecret), "pgp-private-key": none(reasonSecret), "pgp-public-key": none(reasonTechnical),
	"first-name": none(reasonPerson), "middle-name": none(reasonPerson), "last-name": none(reasonPerson), "date-of-birth": none(reasonPerson),
	"place-of-birth": none(reasonPerson), "gender": none(reasonPerson), "nationality": none(reasonPerson), "passport-number": none(reasonPerson),
	"passport-country": none(reasonPerson), "passport-expiration": none(reasonPerson), "redress-number": none(reasonPerson), "visa-number": none(reasonPerson),
	"issue-date-of-the-visa": none(reasonPerson), "primary-residence": none(reasonPerson), "country-of-residence": none(reasonPerson),
	"special-service-request": none(reasonPerson), "frequent-flyer-number": none(reasonPerson), "travel-details": none(reasonPerson),
	"payment-details": none(reasonPerson), "place-port-of-original-embarkation": none(reasonPerson), "place-port-of-clearance": none(reasonPerson),
	"place-port-of-onward-foreign-destination": none(reasonPerson), "passenger-name-record-locator-number": none(reasonPerson), "identity-card-number": none(reasonPerson),
	"target-machine": none(reasonTechnical), "target-external": none(reasonTechnical), "mac-address": none(reasonTechnical), "mac-eui-64": none(reasonTechnical),
	"named pipe": none(reasonTechnical), "process-state": none(reasonTechnical), "windows-scheduled-task": none(reasonTechnical),
	"windows-service-name": none(reasonTechnical), "windows-service-displayname": none(reasonTechnical), "x509-fingerprint-md5": none(reasonTechnical),
	"x509-fingerprint-sha1": none(reasonTechnical), "x509-fingerprint-sha256": none(reasonTechnical), "ja3-fingerprint-md5": none(reasonTechnical),
	"jarm-fingerprint": none(reasonTechnical), "hassh-md5": none(reasonTechnical), "hasshserver-md5": none(reasonTechnical), "community-id": none(reasonTechnical),
	"dom-hash": none(reasonTechnical), "favicon-mmh3": none(reasonTechnical), "dkim": none(reasonTechnical), "dkim-signature": none(reasonTechnical),
	"ssh-fingerprint": none(reasonTechnical), "http-method": none(reasonTechnical), "github-repository": none(reasonTechnical), "git-commit-id": none(reasonTechnical),
	"azure-application-id": none(reasonTechnical), "mobile-application-id": none(reasonTechnical), "chrome-extension-id": none(reasonTechnical), "edge-extension-id": none(reasonTechnical),
}

// mispRelations says what plain texts in objects are, by object and relation.
// They come before the type.
var mispRelations = map[string]mispType{
	"user-account/username": is(observable.Account), "user-account/user-id": is(observable.Account),
	"credential/username": is(observable.Account), "person/alias": is(observable.Person), "person/handle": is(observable.Account),
	"twitter-account/name": is(observable.Account), "telegram-account/username": is(observable.Account), "facebook-account/account-name": is(observable.Account),
	"organization/name": is(observable.Organisation), "legal-entity/name": is(observable.Organisation), "bank-account/account-name": is(observable.Person),
	"coin-address/address-crypto": is(observable.Wallet), "coin-address/address": is(observable.Wallet), "coin-address/address-xmr": is(observable.Wallet),
	"btc-wallet/wallet-address": is(observable.Wallet), "ransom-negotiation/wallet-address": is(observable.Wallet).as("payment"),
	"ransom-negotiation/email_address": is(observable.Email).as("sender"),
	"bank-account/iban":                is(observable.IBAN),
	"victim/name":                      stated("victim.victim_id"), "victim/regions": stated("victim.country"), "victim/email": is(observable.Email).as("target"),
	"victim/domain": is(observable.Domain, observable.IP).as("target"), "victim/ip-address": is(observable.IP, observable.CIDR).as("target"),
	"victim/user": is(observable.Account).as("target"), "victim/node": none(reasonTechnical),
	"incident/name": stated("incident.title"), "incident/description": stated("summary"),
	"phishing/url": is(observable.URL, observable.Domain, observable.IP).as("phishing"), "phishing/hostname": is(observable.Domain, observable.IP).as("phishing"),
	"phishing/ip": is(observable.IP).as("phishing"),
}

// detectable are the types that are taken from an attribute of no type, since
// their values leave no doubt.
var detectable = map[observable.Type]bool{observable.Wallet: true, observable.FileHash: true, observable.IBAN: true, observable.CVE: true}

// separators stand between the halves of a composite value; the second is what
// older instances wrote between an address and its port.
const separators = "|:"

// halves takes a composite value apart. The value of a malware sample is
// composite too, if its digest is given.
func halves(value, second string) (string, string, bool) {
	if i := strings.LastIndexByte(value, separators[0]); i >= 0 {
		return value[:i], value[i+1:], false
	}
	if i := strings.LastIndexByte(value, separators[1]); i >= 0 && second == "port" {
		return value[:i], value[i+1:], true
	}
	return value, "", false
}

// roleOf tells which part a value played by the category of its attribute.
func roleOf(typ observable.Type, category string) string {
	switch {
	case category == "Targeting data":
		return "target"
	case (typ == observable.FileHash || typ == observable.FileName) && (category == "Payload delivery" || category == "Payload installation"):
		return "payload"
	}
	return ""
}
