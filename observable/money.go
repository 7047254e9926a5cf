package observable

import (
	"crypto/sha256"
	"math/big"
	"regexp"
	"strings"
)

var ibanPattern = regexp.MustCompile(`^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$`)

// canonicalIBAN checks the digits (ISO 13616, modulo 97).
func canonicalIBAN(v string) (string, bool) {
	v = strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(v))
	v = strings.TrimPrefix(v, "IBAN:")
	if !ibanPattern.MatchString(v) {
		return "", false
	}
	rest := 0
	for _, r := range v[4:] + v[:4] {
		if r >= 'A' {
			rest = (rest*100 + int(r-'A') + 10) % 97
		} else {
			rest = (rest*10 + int(r-'0')) % 97
		}
	}
	return v, rest == 1
}

var (
	ethereumPattern = regexp.MustCompile(`^0x[0-9a-f]{40}$`)
	bech32Pattern   = regexp.MustCompile(`^(?:bc|tb|ltc)1[02-9ac-hj-np-z]{11,87}$`)
	base58Pattern   = regexp.MustCompile(`^[1-9A-HJ-NP-Za-km-z]{25,36}$`)
	moneroPattern   = regexp.MustCompile(`^[48][1-9A-HJ-NP-Za-km-z]{94}$`)
	walletScheme    = regexp.MustCompile(`(?i)^(?:bitcoin|litecoin|ethereum|monero):`)
)

// canonicalWallet knows Ethereum (in lower case: its mixed case is only a
// checksum), Bitcoin and Litecoin (bech32 in lower case; base58 with its
// checksum held), and Monero. A payment link gives its address.
func canonicalWallet(v string) (string, bool) {
	if scheme := walletScheme.FindString(v); scheme != "" {
		v, _, _ = strings.Cut(v[len(scheme):], "?")
	}
	lower := strings.ToLower(v)
	switch {
	case ethereumPattern.MatchString(lower):
		return lower, true
	case bech32Pattern.MatchString(lower) && (v == lower || v == strings.ToUpper(v)):
		return lower, bech32Checks(lower)
	case base58Pattern.MatchString(v):
		return v, base58Checks(v)
	case moneroPattern.MatchString(v):
		return v, true
	}
	return "", false
}

const base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

// base58Checks holds the last four bytes to the double SHA-256 of the others.
func base58Checks(v string) bool {
	n, digit := new(big.Int), new(big.Int)
	for _, r := range v {
		n.Add(n.Mul(n, big.NewInt(58)), digit.SetInt64(int64(strings.IndexRune(base58, r))))
	}
	leading := 0
	for leading < len(v) && v[leading] == '1' {
		leading++
	}
	b := append(make([]byte, leading), n.Bytes()...)
	if len(b) != 25 {
		return false
	}
	first := sha256.Sum256(b[:21])
	second := sha256.Sum256(first[:])
	return string(second[:4]) == string(b[21:])
}

const bech32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"

// bech32Checks holds an address to its checksum (BIP 173 and BIP 350).
func bech32Checks(v string) bool {
	sep := strings.LastIndexByte(v, '1')
	sum := uint32(1)
	add := func(x uint32) {
		top := sum >> 25
		sum = sum&0x1ffffff<<5 ^ x
		for i, g := range [...]uint32{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3} {
			if top>>i&1 == 1 {
				sum ^= g
			}
		}
	}
	for i := range sep {
		add(uint32(v[i]) >> 5)
	}
	add(0)
	for i := range sep {
		add(uint32(v[i]) & 31)
	}
	for i := sep + 1; i < len(v); i++ {
		add(uint32(strings.IndexByte(bech32, v[i])))
	}
	return sum == 1 || sum == 0x2bc830a3
}
