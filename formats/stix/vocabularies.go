package stix

// vocabularies are the open vocabularies of the specification (section 10).
// "Open": other terms are taken with a warning.
var vocabularies = map[string][]string{
	"account-type-ov":          {"facebook", "ldap", "nis", "openid", "radius", "skype", "tacacs", "twitter", "unix", "windows-local", "windows-domain"},
	"attack-motivation-ov":     {"accidental", "coercion", "dominance", "ideology", "notoriety", "organizational-gain", "personal-gain", "personal-satisfaction", "revenge", "unpredictable"},
	"attack-resource-level-ov": {"individual", "club", "contest", "team", "organization", "government"},
	"grouping-context-ov":      {"suspicious-activity", "malware-analysis", "unspecified"},
	"hash-algorithm-ov":        {"MD5", "SHA-1", "SHA-256", "SHA-512", "SHA3-256", "SHA3-512", "SSDEEP", "TLSH"},
	"identity-class-ov":        {"individual", "group", "system", "organization", "class", "unknown"},
	"implementation-language-ov": {"applescript", "bash", "c", "c++", "c#", "go", "java", "javascript", "lua", "objective-c", "perl", "php", "powershell", "python", "ruby", "scala",
		"swift", "typescript", "visual-basic", "x86-32", "x86-64"},
	"indicator-type-ov": {"anomalous-activity", "anonymization", "benign", "compromised", "malicious-activity", "attribution", "unknown"},
	"industry-sector-ov": {"agriculture", "aerospace", "automotive", "chemical", "commercial", "communications", "construction", "defense", "education", "energy", "entertainment",
		"financial-services", "government", "emergency-services", "government-local", "government-national", "government-public-services", "government-regional", "healthcare",
		"hospitality-leisure", "infrastructure", "dams", "nuclear", "water", "insurance", "manufacturing", "mining", "non-profit", "pharmaceuticals", "retail", "technology",
		"telecommunications", "transportation", "utilities"},
	"infrastructure-type-ov": {"amplification", "anonymization", "botnet", "command-and-control", "control-system", "exfiltration", "firewall", "hosting-malware", "hosting-target-lists",
		"phishing", "reconnaissance", "routers-switches", "staging", "workstation", "unknown"},
	"malware-capabilities-ov": {"accesses-remote-machines", "anti-debugging", "anti-disassembly", "anti-emulation", "anti-memory-forensics", "anti-sandbox", "anti-vm", "captures-input-peripherals",
		"captures-output-peripherals", "captures-system-state-data", "cleans-traces-of-infection", "commits-fraud", "communicates-with-c2", "compromises-data-availability",
		"compromises-data-integrity", "compromises-system-availability", "controls-local-machine", "degrades-security-software", "degrades-system-updates", "determines-c2-server",
		"emails-spam", "escalates-privileges", "evades-av", "exfiltrates-data", "fingerprints-host", "hides-artifacts", "hides-executing-code", "infects-files", "infects-remote-machines",
		"installs-other-components", "persists-after-system-reboot", "prevents-artifact-access", "prevents-artifact-deletion", "probes-network-environment", "self-modifies",
		"steals-authentication-credentials", "violates-system-operational-integrity"},
	"malware-result-ov": {"malicious", "suspicious", "benign", "unknown"},
	"malware-type-ov": {"adware", "backdoor", "bot", "bootkit", "ddos", "downloader", "dropper", "exploit-kit", "keylogger", "ransomware", "remote-access-trojan", "resource-exploitation",
		"rogue-security-software", "rootkit", "screen-capture", "spyware", "trojan", "unknown", "virus", "webshell", "wiper", "worm"},
	"pattern-type-ov":           {"stix", "pcre", "sigma", "snort", "suricata", "yara"},
	"processor-architecture-ov": {"alpha", "arm", "ia-64", "mips", "powerpc", "sparc", "x86", "x86-64"},
	"region-ov": {"africa", "eastern-africa", "middle-africa", "northern-africa", "southern-africa", "western-africa", "americas", "latin-america-caribbean", "south-america", "caribbean",
		"central-america", "northern-america", "asia", "central-asia", "eastern-asia", "southern-asia", "south-eastern-asia", "western-asia", "europe", "eastern-europe", "northern-europe",
		"southern-europe", "western-europe", "oceania", "antarctica", "australia-new-zealand", "melanesia", "micronesia", "polynesia"},
	"report-type-ov":                 {"attack-pattern", "campaign", "identity", "indicator", "intrusion-set", "malware", "observed-data", "threat-actor", "threat-report", "tool", "vulnerability"},
	"threat-actor-role-ov":           {"agent", "director", "independent", "infrastructure-architect", "infrastructure-operator", "malware-author", "sponsor"},
	"threat-actor-sophistication-ov": {"none", "minimal", "intermediate", "advanced", "expert", "innovator", "strategic"},
	"threat-actor-type-ov": {"activist", "competitor", "crime-syndicate", "criminal", "hacker", "insider-accidental", "insider-disgruntled", "nation-state", "sensationalist", "spy",
		"terrorist", "unknown"},
	"tool-type-ov":             {"denial-of-service", "exploitation", "information-gathering", "network-capture", "credential-exploitation", "remote-access", "vulnerability-scanning", "unknown"},
	"windows-pebinary-type-ov": {"dll", "exe", "sys"},
}

// commonRelations stand between any two objects (section 3.7).
var commonRelations = map[string]bool{"derived-from": true, "duplicate-of": true, "related-to": true}

// relations are those that the specification names (appendix B): by the
// source's type and the kind, the types that it may lead to. "SCO" stands for
// every cyber-observable.
var relations = map[string]map[string][]string{
	"attack-pattern": {"delivers": {"malware"}, "targets": {"identity", "location", "vulnerability"}, "uses": {"malware", "tool"}},
	"campaign": {"attributed-to": {"intrusion-set", "threat-actor"}, "compromises": {"infrastructure"}, "originates-from": {"location"},
		"targets": {"identity", "location", "vulnerability"}, "uses": {"attack-pattern", "infrastructure", "malware", "tool"}},
	"course-of-action": {"investigates": {"indicator"}, "mitigates": {"attack-pattern", "indicator", "malware", "tool", "vulnerability"}, "remediates": {"malware", "vulnerability"}},
	"identity":         {"located-at": {"location"}},
	"incident":         {"attributed-to": {"intrusion-set", "threat-actor", "campaign"}, "targets": {"identity", "infrastructure", "location"}, "located-at": {"location"}, "impacts": {"identity", "infrastructure"}},
	"indicator": {"indicates": {"attack-pattern", "campaign", "infrastructure", "intrusion-set", "malware", "threat-actor", "tool"},
		"based-on": {"observed-data"}},
	"infrastructure": {"communicates-with": {"infrastructure", "ipv4-addr", "ipv6-addr", "domain-name", "url"}, "consists-of": {"infrastructure", "observed-data", "SCO"},
		"controls": {"infrastructure", "malware"}, "delivers": {"malware"}, "has": {"vulnerability"}, "hosts": {"tool", "malware"}, "located-at": {"location"}, "uses": {"infrastructure"}},
	"intrusion-set": {"attributed-to": {"threat-actor"}, "compromises": {"infrastructure"}, "hosts": {"infrastructure"}, "owns": {"infrastructure"}, "originates-from": {"location"},
		"targets": {"identity", "location", "vulnerability"}, "uses": {"attack-pattern", "infrastructure", "malware", "tool"}},
	"malware": {"authored-by": {"threat-actor", "intrusion-set"}, "beacons-to": {"infrastructure"}, "exfiltrate-to": {"infrastructure"},
		"communicates-with": {"ipv4-addr", "ipv6-addr", "domain-name", "url"}, "controls": {"malware"}, "downloads": {"malware", "tool", "file"},
		"drops": {"malware", "tool", "file"}, "exploits": {"vulnerability"}, "originates-from": {"location"}, "targets": {"identity", "infrastructure", "location", "vulnerability"},
		"uses": {"attack-pattern", "infrastructure", "malware", "tool"}, "variant-of": {"malware"}},
	"malware-analysis": {"characterizes": {"malware"}, "analysis-of": {"malware"}, "static-analysis-of": {"malware"}, "dynamic-analysis-of": {"malware"}},
	"threat-actor": {"attributed-to": {"identity"}, "compromises": {"infrastructure"}, "hosts": {"infrastructure"}, "owns": {"infrastructure"}, "impersonates": {"identity"},
		"located-at": {"location"}, "targets": {"identity", "location", "vulnerability"}, "uses": {"attack-pattern", "infrastructure", "malware", "tool"}},
	"tool":            {"delivers": {"malware"}, "drops": {"malware"}, "has": {"vulnerability"}, "targets": {"identity", "infrastructure", "location", "vulnerability"}, "uses": {"infrastructure"}},
	"domain-name":     {"resolves-to": {"domain-name", "ipv4-addr", "ipv6-addr"}},
	"ipv4-addr":       {"resolves-to": {"mac-addr"}, "belongs-to": {"autonomous-system"}},
	"ipv6-addr":       {"resolves-to": {"mac-addr"}, "belongs-to": {"autonomous-system"}},
	"file":            {"contains": {"SCO"}},
	"network-traffic": {},
}
