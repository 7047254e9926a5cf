package observable

import (
	"net/netip"
	"strings"
)

// Names of the built-in warning lists.
const (
	ListSpecialUse = "special-use addresses"
	ListResolvers  = "public DNS resolvers"
	ListSpecialTLD = "special-use names"
	ListPopular    = "very common sites"
	ListShorteners = "URL shorteners"
	ListWhatIsMyIP = "address look-up services"
	ListEmptyFiles = "hashes of empty files"
)

// Benign reports whether a canonical value is common benign infrastructure,
// and on which list it stands. Such values say nothing about an incident: they
// are flagged at the edge and never tie reports together. A URL is held
// against the lists of its host: pages on popular sites and shorteners may
// well be malicious, their front pages are not. Of e-mail addresses only those
// at special-use names are benign.
func Benign(typ Type, canonical string) (list string, ok bool) {
	switch typ {
	case IP:
		return benignIP(canonical)
	case CIDR:
		return benignCIDR(canonical)
	case Domain:
		return benignDomain(canonical)
	case URL:
		host := hostOf(canonical)
		if list, ok := benignIP(host); ok {
			return list, true
		}
		list, ok := benignDomain(host)
		if (list == ListPopular || list == ListShorteners) && !isFrontPage(canonical) {
			return "", false
		}
		return list, ok
	case Email:
		if isSpecialName(canonical[strings.LastIndexByte(canonical, '@')+1:]) {
			return ListSpecialTLD, true
		}
	case FileHash:
		if emptyHashes[canonical] {
			return ListEmptyFiles, true
		}
	}
	return "", false
}

// specialUse are the blocks of the special-purpose address registries (RFC
// 6890 and its updates) that reach nobody in particular, and multicast.
var specialUse = prefixes("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"::/128", "::1/128", "64:ff9b::/96", "100::/64", "2001:db8::/32", "3fff::/20", "fc00::/7", "fe80::/10", "ff00::/8")

var resolvers = setOf("1.1.1.1", "1.0.0.1", "1.1.1.2", "1.0.0.2", "1.1.1.3", "1.0.0.3", "8.8.8.8", "8.8.4.4", "9.9.9.9", "9.9.9.10", "149.112.112.112", "208.67.222.222", "208.67.220.220",
	"4.2.2.1", "4.2.2.2", "4.2.2.3", "4.2.2.4", "94.140.14.14", "94.140.15.15", "64.6.64.6", "64.6.65.6", "77.88.8.8", "77.88.8.1", "114.114.114.114", "223.5.5.5", "223.6.6.6", "119.29.29.29",
	"185.228.168.9", "76.76.2.0", "84.200.69.80", "2606:4700:4700::1111", "2606:4700:4700::1001", "2001:4860:4860::8888", "2001:4860:4860::8844", "2620:fe::fe", "2620:fe::9", "2620:119:35::35", "2620:119:53::53")

func prefixes(all ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(all))
	for i, p := range all {
		out[i] = netip.MustParsePrefix(p)
	}
	return out
}

func benignIP(v string) (string, bool) {
	if resolvers[v] {
		return ListResolvers, true
	}
	a, err := netip.ParseAddr(v)
	if err != nil {
		return "", false
	}
	for _, p := range specialUse {
		if p.Contains(a) {
			return ListSpecialUse, true
		}
	}
	return "", false
}

// benignCIDR wants the whole block inside a special-use one.
func benignCIDR(v string) (string, bool) {
	block, err := netip.ParsePrefix(v)
	if err != nil {
		return "", false
	}
	for _, p := range specialUse {
		if p.Bits() <= block.Bits() && p.Contains(block.Addr()) {
			return ListSpecialUse, true
		}
	}
	return "", false
}

// specialNames are reserved with everything below them (RFC 2606, RFC 6761,
// RFC 6762, RFC 8375 and the names kept for private use).
var specialNames = setOf("example", "invalid", "localhost", "local", "test", "example.com", "example.net", "example.org", "arpa", "internal", "lan", "localdomain", "home", "corp", "workgroup")

// commonNames hold a site with and without "www.", and nothing else below it.
var commonNames = named(map[string][]string{
	ListWhatIsMyIP: {"api.ipify.org", "api64.ipify.org", "checkip.amazonaws.com", "icanhazip.com", "ifconfig.me", "ifconfig.co", "ip-api.com", "ipinfo.io", "whatismyip.com", "whatismyipaddress.com",
		"checkip.dyndns.org", "ipecho.net", "wtfismyip.com", "myexternalip.com", "api.myip.com", "myip.dnsomatic.com", "ident.me", "v4.ident.me", "freegeoip.app", "ipapi.co", "api.ip.sb", "bot.whatismyipaddress.com"},
	ListShorteners: {"bit.ly", "goo.gl", "t.co", "tinyurl.com", "ow.ly", "is.gd", "buff.ly", "rebrand.ly", "cutt.ly", "t.ly", "rb.gy", "shorturl.at", "lnkd.in", "v.gd", "tiny.cc", "bl.ink", "s.id", "aka.ms", "youtu.be", "fb.me", "git.io", "db.tt"},
	ListPopular: {"google.com", "mail.google.com", "accounts.google.com", "drive.google.com", "docs.google.com", "play.google.com", "google.co.uk", "google.de", "google.fr", "gmail.com", "googleapis.com", "gstatic.com",
		"fonts.googleapis.com", "fonts.gstatic.com", "ajax.googleapis.com", "googletagmanager.com", "google-analytics.com", "doubleclick.net", "youtube.com", "facebook.com", "m.facebook.com", "instagram.com", "whatsapp.com", "web.whatsapp.com", "fbcdn.net",
		"microsoft.com", "login.microsoftonline.com", "login.live.com", "update.microsoft.com", "windowsupdate.com", "download.windowsupdate.com", "ctldl.windowsupdate.com", "msftncsi.com", "msftconnecttest.com", "office.com", "office365.com",
		"live.com", "outlook.com", "outlook.office365.com", "hotmail.com", "msn.com", "bing.com", "skype.com", "sharepoint.com", "onedrive.live.com", "azure.com", "visualstudio.com", "windows.com", "apple.com", "icloud.com", "itunes.apple.com",
		"amazon.com", "aws.amazon.com", "amazonaws.com", "s3.amazonaws.com", "cloudfront.net", "wikipedia.org", "en.wikipedia.org", "wikimedia.org", "twitter.com", "x.com", "linkedin.com", "pinterest.com", "reddit.com", "tiktok.com", "telegram.org", "api.telegram.org", "discord.com",
		"github.com", "raw.githubusercontent.com", "gitlab.com", "stackoverflow.com", "yahoo.com", "mail.yahoo.com", "baidu.com", "qq.com", "yandex.ru", "vk.com", "ebay.com", "paypal.com", "netflix.com", "zoom.us", "dropbox.com", "salesforce.com", "wordpress.com", "wordpress.org",
		"cloudflare.com", "cdnjs.cloudflare.com", "jsdelivr.net", "cdn.jsdelivr.net", "unpkg.com", "jquery.com", "code.jquery.com", "bootstrapcdn.com", "maxcdn.bootstrapcdn.com", "akamaihd.net", "akamai.net", "fastly.net",
		"adobe.com", "oracle.com", "java.com", "mozilla.org", "firefox.com", "opera.com", "vmware.com", "cisco.com", "ibm.com", "intel.com", "ubuntu.com", "debian.org", "kernel.org", "python.org", "docker.com", "golang.org",
		"digicert.com", "ocsp.digicert.com", "crl3.digicert.com", "crl4.digicert.com", "verisign.com", "symantec.com", "globalsign.com", "ocsp.globalsign.com", "sectigo.com", "ocsp.sectigo.com", "letsencrypt.org", "entrust.net", "virustotal.com", "w3.org", "schema.org", "schemas.microsoft.com",
		"pool.ntp.org", "time.windows.com", "time.nist.gov", "time.google.com", "time.apple.com", "protonmail.com", "proton.me", "aol.com", "gmx.de", "gmx.net", "web.de", "mail.ru"},
})

func named(lists map[string][]string) map[string]string {
	of := map[string]string{}
	for list, names := range lists {
		for _, n := range names {
			of[n] = list
		}
	}
	return of
}

// benignDomain holds a name against the lists: special-use names with
// everything below them, the others as they are.
func benignDomain(v string) (string, bool) {
	if isSpecialName(v) {
		return ListSpecialTLD, true
	}
	list, ok := commonNames[v]
	if !ok {
		list, ok = commonNames[strings.TrimPrefix(v, "www.")]
	}
	return list, ok
}

// isSpecialName tries the name and all names above it.
func isSpecialName(v string) bool {
	for more := true; more; _, v, more = strings.Cut(v, ".") {
		if specialNames[v] {
			return true
		}
	}
	return false
}

// emptyHashes are the hashes of no bytes at all: MD5, SHA-1, SHA-224, SHA-256,
// SHA-384, SHA-512.
var emptyHashes = setOf(
	"d41d8cd98f00b204e9800998ecf8427e",
	"da39a3ee5e6b4b0d3255bfef95601890afd80709",
	"d14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f",
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	"38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b",
	"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e",
)
