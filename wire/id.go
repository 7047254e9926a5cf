package wire

import (
	"encoding/base32"
	"fmt"
	"io"
	"strings"
)

// Ids are opaque, random unless said otherwise, and typed, so that the
// compiler catches a swap. Their text form is a prefix letter, a dash and
// 26 characters of lower-case base32 (128 bits).
type (
	// MemberID names a member; issued by the hub at joining ("m-…").
	MemberID string
	// OwnerGroup names members under one owner; they count once ("g-…" or a
	// name chosen by the operator).
	OwnerGroup string
	// ReportID names one report of one member over all its revisions ("r-…").
	// The edge derives it with a secret of its own, so that sending the same
	// report again is recognised and nobody else can tell what it is about.
	ReportID string
	// ContributionID names one envelope ("c-…"), the unit of exactly-once.
	ContributionID string
	// IncidentID names a consolidated incident at the hub ("i-…").
	IncidentID string
	// CampaignID names a campaign at the hub ("k-…").
	CampaignID string
	// ReleaseID names a release ("finance-2026-11-24-1").
	ReleaseID string
	// AgreementID names an agreement ("a-…").
	AgreementID string
	// OrderID names an authority's order to the third party ("o-…").
	OrderID string
)

var idEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewID draws a fresh id with the given one-letter prefix, for example
// wire.NewID[wire.ReportID]('r', rand.Reader).
func NewID[T ~string](prefix byte, random io.Reader) (T, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("draw an id: %w", err)
	}
	return IDFrom[T](prefix, b), nil
}

// IDFrom makes an id of 128 given bits.
func IDFrom[T ~string](prefix byte, bits [16]byte) T {
	return T(string(prefix) + "-" + strings.ToLower(idEncoding.EncodeToString(bits[:])))
}

// ValidID reports whether s is an id of the given prefix, as [IDFrom] makes.
func ValidID[T ~string](prefix byte, s T) bool {
	_, ok := IDBits(prefix, s)
	return ok
}

// IDBits returns the 128 bits of an id that [IDFrom] made; false for any other.
func IDBits[T ~string](prefix byte, s T) (bits [16]byte, ok bool) {
	if len(s) != 28 || s[0] != prefix || s[1] != '-' {
		return bits, false
	}
	b, err := idEncoding.DecodeString(strings.ToUpper(string(s[2:])))
	// The decoder skips line ends, so that there may be fewer bytes.
	if err != nil || len(b) != len(bits) || IDFrom[T](prefix, [16]byte(b)) != s {
		return bits, false
	}
	return [16]byte(b), true
}
