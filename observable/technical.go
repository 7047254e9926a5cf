package observable

import (
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"strings"
)

// digestLengths are those of MD5, SHA-1, SHA-224, SHA-256, SHA-384 and
// SHA-512, in bytes.
var digestLengths = map[int]bool{16: true, 20: true, 28: true, 32: true, 48: true, 64: true}

var hashName = regexp.MustCompile(`(?i)^(?:md5|sha-?(?:1|224|256|384|512))\s*[:=]\s*`)

var hashSeparators = strings.NewReplacer(" ", "", ":", "", "-", "")

// canonicalHash takes the digests of [digestLengths] in hexadecimal, with or
// without a name before them and separators between bytes, and in base64 where
// its padding leaves no doubt (no length of the one is a length of the other).
func canonicalHash(v string) (string, bool) {
	v = v[len(hashName.FindString(v)):]
	if strings.HasSuffix(v, "=") {
		if b, err := base64.StdEncoding.DecodeString(v); err == nil && digestLengths[len(b)] {
			return hex.EncodeToString(b), true
		}
		return "", false
	}
	b, err := hex.DecodeString(hashSeparators.Replace(v))
	if err != nil || !digestLengths[len(b)] {
		return "", false
	}
	return hex.EncodeToString(b), true
}

var cvePattern = regexp.MustCompile(`^CVE-[0-9]{4}-[0-9]{4,19}$`)

var cveSeparators = strings.NewReplacer("–", "-", "‑", "-", "—", "-", "_", "-", " ", "")

func canonicalCVE(v string) (string, bool) {
	v = strings.ToUpper(cveSeparators.Replace(v))
	return v, cvePattern.MatchString(v)
}

// canonicalFileName keeps the last part of a path, in lower case: folders tell
// of the victim's users, and most file systems that malware meets ignore case.
func canonicalFileName(v string) (string, bool) {
	v = strings.TrimRight(v, `/\ `)
	v = spaced(lower(v[strings.LastIndexAny(v, `/\`)+1:]))
	return v, v != ""
}

// hives are the short names of the registry's roots.
var hives = map[string]string{"hkey_local_machine": "hklm", "hkey_current_user": "hkcu", "hkey_classes_root": "hkcr", "hkey_users": "hku", "hkey_current_config": "hkcc"}

// canonicalRegistryKey: the registry ignores case.
func canonicalRegistryKey(v string) (string, bool) {
	v = spaced(lower(strings.ReplaceAll(v, "/", `\`)))
	parts := strings.FieldsFunc(v, func(r rune) bool { return r == '\\' })
	kept := parts[:0]
	for _, p := range parts {
		if p = strings.TrimSpace(p); len(kept) == 0 {
			p = hive(p)
		}
		if p != "" {
			kept = append(kept, p)
		}
	}
	v = strings.Join(kept, `\`)
	return v, v != ""
}

// hive writes the first part of a key: without the colon of a shell's drive,
// short, and not at all if it is what tools write above the roots.
func hive(p string) string {
	p = strings.TrimRight(p, ": ")
	if p == "computer" || p == "registry" {
		return ""
	}
	if short, ok := hives[p]; ok {
		return short
	}
	return p
}

// canonicalAccount: nearly all systems compare names of accounts without case;
// "@name" and "name" are the same.
func canonicalAccount(v string) (string, bool) {
	v = spaced(strings.TrimLeft(lower(v), "@ "))
	return v, v != ""
}

var phonePattern = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

var phoneSeparators = strings.NewReplacer("(0)", "", " ", "", "-", "", ".", "", "/", "", "(", "", ")", "", "\u00a0", "", "–", "", "‑", "")

// canonicalPhone wants the international form (E.164), since a national number
// means different telephones in different countries.
func canonicalPhone(v string) (string, bool) {
	if len(v) > 4 && strings.EqualFold(v[:4], "tel:") {
		v = v[4:]
	}
	v = phoneSeparators.Replace(v)
	if rest, ok := strings.CutPrefix(v, "00"); ok {
		v = "+" + rest
	}
	return v, phonePattern.MatchString(v)
}
