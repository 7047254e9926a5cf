package stix

import (
	"regexp"
	"slices"
	"strings"
)

// observableTypes are the cyber-observables (section 6).
var observableTypes = map[string]*objectType{
	"artifact": {
		class: cyber,
		properties: map[string]rule{"mime_type": mimeType, "payload_bin": binary, "url": link, "hashes": hashes,
			"encryption_algorithm": oneOf("AES-256-GCM", "ChaCha20-Poly1305", "mime-type-indicated"), "decryption_key": text},
		contributing: []string{"hashes", "payload_bin"}, more: checkArtifact,
	},
	"autonomous-system": {
		class: cyber, properties: map[string]rule{"number": integer(0, 1<<32-1), "name": text, "rir": text},
		required: []string{"number"}, contributing: []string{"number"},
	},
	"directory": {
		class: cyber, properties: map[string]rule{"path": text, "path_enc": charset, "ctime": moment, "mtime": moment, "atime": moment,
			"contains_refs": list(observableReference("file", "directory"))},
		required: []string{"path"}, contributing: []string{"path"},
	},
	"domain-name": {
		class: cyber, properties: map[string]rule{"value": wished(isDomain, "a domain name is expected: mail.example.org"),
			"resolves_to_refs": list(observableReference("ipv4-addr", "ipv6-addr", "domain-name"))},
		required: []string{"value"}, contributing: []string{"value"},
	},
	"email-addr": {
		class: cyber, properties: map[string]rule{"value": address, "display_name": text, "belongs_to_ref": observableReference("user-account")},
		required: []string{"value"}, contributing: []string{"value"},
	},
	"email-message": {
		class: cyber, properties: map[string]rule{"is_multipart": boolean, "date": moment, "content_type": text, "from_ref": observableReference("email-addr"),
			"sender_ref": observableReference("email-addr"), "to_refs": list(observableReference("email-addr")), "cc_refs": list(observableReference("email-addr")),
			"bcc_refs": list(observableReference("email-addr")), "message_id": text, "subject": text, "received_lines": texts,
			"additional_header_fields": headers, "body": text, "body_multipart": list(mimePart), "raw_email_ref": observableReference("artifact")},
		required: []string{"is_multipart"}, contributing: []string{"from_ref", "subject", "body"}, more: checkEmailMessage,
	},
	"file": {
		class: cyber, properties: map[string]rule{"hashes": hashes, "size": natural, "name": text, "name_enc": charset, "magic_number_hex": hexa, "mime_type": mimeWished,
			"ctime": moment, "mtime": moment, "atime": moment, "parent_directory_ref": observableReference("directory"),
			"contains_refs": list(observableReference("SCO")), "content_ref": observableReference("artifact")},
		some: []string{"hashes", "name"}, contributing: []string{"hashes", "name", "extensions", "parent_directory_ref"},
	},
	"ipv4-addr": {
		class: cyber, properties: map[string]rule{"value": textual(address4, "an IPv4 address or block is expected: 198.51.100.7, 198.51.100.0/24"),
			"resolves_to_refs": list(observableReference("mac-addr")), "belongs_to_refs": list(observableReference("autonomous-system"))},
		required: []string{"value"}, contributing: []string{"value"},
	},
	"ipv6-addr": {
		class: cyber, properties: map[string]rule{"value": textual(address6, "an IPv6 address or block is expected: 2001:db8::7, 2001:db8::/32"),
			"resolves_to_refs": list(observableReference("mac-addr")), "belongs_to_refs": list(observableReference("autonomous-system"))},
		required: []string{"value"}, contributing: []string{"value"},
	},
	"mac-addr": {
		class: cyber, properties: map[string]rule{"value": textual(macPattern.MatchString, "a MAC address is written in lower case with colons: 00:1a:2b:3c:4d:5e")},
		required: []string{"value"}, contributing: []string{"value"},
	},
	"mutex": {
		class: cyber, properties: map[string]rule{"name": text}, required: []string{"name"}, contributing: []string{"name"},
	},
	"network-traffic": {
		class: cyber, properties: map[string]rule{"start": moment, "end": moment, "is_active": boolean, "src_ref": observableReference(ends...), "dst_ref": observableReference(ends...),
			"src_port": integer(0, 65535), "dst_port": integer(0, 65535), "protocols": list(wished(func(s string) bool { return strings.ToLower(s) == s }, "a protocol is written in lower case")),
			"src_byte_count": natural, "dst_byte_count": natural, "src_packets": natural, "dst_packets": natural, "ipfix": dictionaryAsIs(textOrWhole),
			"src_payload_ref": observableReference("artifact"), "dst_payload_ref": observableReference("artifact"),
			"encapsulates_refs": list(observableReference("network-traffic")), "encapsulated_by_ref": observableReference("network-traffic")},
		required: []string{"protocols"}, some: []string{"src_ref", "dst_ref"}, spans: []span{{start: "start", end: "end"}},
		contributing: []string{"start", "end", "src_ref", "dst_ref", "src_port", "dst_port", "protocols", "extensions"},
		more: func(v *validator) {
			if active, _ := v.object.Get("is_active"); active == true && v.object.Has("end") {
				v.mustAt("end", "what is active has no end")
			}
		},
	},
	"process": {
		class: cyber, properties: map[string]rule{"is_hidden": boolean, "pid": whole, "created_time": moment, "cwd": text, "command_line": text,
			"environment_variables": dictionaryAsIs(text), "opened_connection_refs": list(observableReference("network-traffic")), "creator_user_ref": observableReference("user-account"),
			"image_ref": observableReference("file"), "parent_ref": observableReference("process"), "child_refs": list(observableReference("process"))},
		some: []string{"extensions", "is_hidden", "pid", "created_time", "cwd", "command_line", "environment_variables", "opened_connection_refs", "creator_user_ref", "image_ref", "parent_ref", "child_refs"},
	},
	"software": {
		class: cyber, properties: map[string]rule{"name": text, "cpe": textual(cpePattern.MatchString, "a name of CPE 2.3 is expected: cpe:2.3:a:vendor:product:1.0:*:*:*:*:*:*:*"),
			"swid": text, "languages": list(languageTag), "vendor": text, "version": text},
		required: []string{"name"}, contributing: []string{"name", "cpe", "swid", "vendor", "version"},
	},
	"url": {
		class: cyber, properties: map[string]rule{"value": link}, required: []string{"value"}, contributing: []string{"value"},
	},
	"user-account": {
		class: cyber, properties: map[string]rule{"user_id": text, "credential": text, "account_login": text, "account_type": openly("account-type-ov"), "display_name": text,
			"is_service_account": boolean, "is_privileged": boolean, "can_escalate_privs": boolean, "is_disabled": boolean, "account_created": moment,
			"account_expires": moment, "credential_last_changed": moment, "account_first_login": moment, "account_last_login": moment},
		some: []string{"extensions", "user_id", "credential", "account_login", "account_type", "display_name", "is_service_account", "is_privileged", "can_escalate_privs",
			"is_disabled", "account_created", "account_expires", "credential_last_changed", "account_first_login", "account_last_login"},
		contributing: []string{"account_type", "user_id", "account_login"},
	},
	"windows-registry-key": {
		class: cyber, properties: map[string]rule{"key": textual(func(s string) bool { return !shortHive.MatchString(s) }, `a key starts with the whole name of its hive: HKEY_LOCAL_MACHINE\Software`),
			"values": list(registryValue), "modified_time": moment, "creator_user_ref": observableReference("user-account"), "number_of_subkeys": natural},
		some: []string{"key", "values", "modified_time", "creator_user_ref", "number_of_subkeys"}, contributing: []string{"key", "values"},
	},
	"x509-certificate": {
		class: cyber, properties: map[string]rule{"is_self_signed": boolean, "hashes": hashes, "version": text, "serial_number": text, "signature_algorithm": text, "issuer": text,
			"validity_not_before": moment, "validity_not_after": moment, "subject": text, "subject_public_key_algorithm": text, "subject_public_key_modulus": text,
			"subject_public_key_exponent": whole, "x509_v3_extensions": certificateExtensions},
		some: []string{"is_self_signed", "hashes", "version", "serial_number", "signature_algorithm", "issuer", "validity_not_before", "validity_not_after", "subject",
			"subject_public_key_algorithm", "subject_public_key_modulus", "subject_public_key_exponent", "x509_v3_extensions"},
		spans: []span{{start: "validity_not_before", end: "validity_not_after"}}, contributing: []string{"hashes", "serial_number"},
	},
}

// ends are what traffic flows between.
var ends = []string{"ipv4-addr", "ipv6-addr", "mac-addr", "domain-name"}

var (
	macPattern = regexp.MustCompile(`^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$`)
	cpePattern = regexp.MustCompile(`^cpe:2\.3:[aho*-](?::(?:\\.|[^:\\\s])+){10}$`)
	shortHive  = regexp.MustCompile(`(?i)^HK(?:LM|CC|CR|CU|U)(?:\\|$)`)
	mimeShape  = regexp.MustCompile(`^(?:application|audio|font|image|message|model|multipart|text|video)/[a-zA-Z0-9.+_-]+`)
	labelShape = regexp.MustCompile(`^[\pL\pN_](?:[\pL\pN\pM_-]*[\pL\pN\pM_])?$`)
)

var (
	mimeType   = textual(mimeShape.MatchString, "a media type is expected: application/pdf")
	mimeWished = wished(mimeShape.MatchString, "a media type is expected: application/pdf")
)

func isDomain(s string) bool {
	labels := strings.Split(strings.TrimSuffix(s, "."), ".")
	return len(s) <= 1000 && !slices.ContainsFunc(labels, func(l string) bool { return len(l) > 250 || !labelShape.MatchString(l) })
}

func textOrWhole(v *validator, value any) {
	if _, ok := value.(string); !ok {
		whole(v, value)
	}
}

// dictionaryAsIs is a dictionary whose keys come from elsewhere and keep their
// case.
func dictionaryAsIs(of rule) rule {
	check := object(fields{open: true})
	return func(v *validator, value any) {
		check(v, value)
		o, _ := value.(Object)
		for _, m := range o {
			v.at(m.Name, func() {
				if m.Value != nil {
					of(v, m.Value)
				}
			})
		}
	}
}

var headers = dictionaryAsIs(func(v *validator, value any) {
	if _, one := value.(string); !one {
		texts(v, value)
	}
})

var mimePart = object(fields{
	properties: map[string]rule{"body": text, "body_raw_ref": observableReference("artifact", "file"), "content_type": text, "content_disposition": text},
	some:       []string{"body", "body_raw_ref"},
})

var registryValue = object(fields{
	properties: map[string]rule{"name": text, "data": text, "data_type": oneOf("REG_NONE", "REG_SZ", "REG_EXPAND_SZ", "REG_BINARY", "REG_DWORD",
		"REG_DWORD_BIG_ENDIAN", "REG_DWORD_LITTLE_ENDIAN", "REG_LINK", "REG_MULTI_SZ", "REG_RESOURCE_LIST", "REG_FULL_RESOURCE_DESCRIPTION",
		"REG_RESOURCE_REQUIREMENTS_LIST", "REG_QWORD", "REG_INVALID_TYPE")},
	some: []string{"name", "data", "data_type"},
})

var certificateExtensions = object(fields{
	properties: map[string]rule{"basic_constraints": text, "name_constraints": text, "policy_constraints": text, "key_usage": text, "extended_key_usage": text,
		"subject_key_identifier": text, "authority_key_identifier": text, "subject_alternative_name": text, "issuer_alternative_name": text,
		"subject_directory_attributes": text, "crl_distribution_points": text, "inhibit_any_policy": text, "private_key_usage_period_not_before": moment,
		"private_key_usage_period_not_after": moment, "certificate_policies": text, "policy_mappings": text},
})

func checkArtifact(v *validator) {
	o := v.object
	switch payload, url := o.Has("payload_bin"), o.Has("url"); {
	case payload && url:
		v.mustAt("url", "it does not stand beside payload_bin")
	case !payload && !url:
		v.must("one of these is needed: payload_bin, url")
	case url && !o.Has("hashes"):
		v.mustAt("hashes", "a URL comes with the hashes of what it leads to")
	}
	if o.Has("decryption_key") && !o.Has("encryption_algorithm") {
		v.mustAt("decryption_key", "it needs encryption_algorithm")
	}
}

func checkEmailMessage(v *validator) {
	multipart, _ := v.object.Get("is_multipart")
	switch {
	case multipart == false && v.object.Has("body_multipart"):
		v.mustAt("body_multipart", "a message that is not multipart has body instead")
	case multipart == true && v.object.Has("body"):
		v.mustAt("body", "a message that is multipart has body_multipart instead")
	}
	for _, m := range v.object.Object("additional_header_fields") {
		if slices.Contains([]string{"date", "received_lines", "content_type", "from_ref", "sender_ref", "to_refs", "cc_refs", "bcc_refs", "subject"}, strings.ToLower(m.Name)) {
			v.at("additional_header_fields", func() { v.mustAt(m.Name, "the header has a property of its own") })
		}
	}
}
