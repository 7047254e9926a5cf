package mapping

// What the vocabularies of STIX are in the standard's lists. What is not
// listed has no counterpart and stands in the account. docs/stix.md prints
// the tables in words.

var stixDetermination = map[string]string{
	"confirmed": "Confirmed", "suspected": "Suspected", "false-positive": "False positive",
	"blocked": "Near miss", "failed-attempt": "Near miss",
	"successful-attempt": "Confirmed", // of an earlier version of the extension
}

var stixDiscoveryInternal = map[string]string{
	"automated-tool": "Security alarm", "commercial-solution": "Security alarm", "proprietary-solution": "Security alarm",
	"human-review": "It review", "user-reporting": "Reported by employee", "system-outage": "Infrastructure monitoring",
}

var stixDiscoveryExternal = map[string]string{
	"external-notification": "Unknown", "message-from-attacker": "Actor disclosure",
}

var stixActorExternal = map[string]string{
	"activist": "Activist", "competitor": "Competitor", "crime-syndicate": "Organized crime", "criminal": "Unaffiliated", "hacker": "Unaffiliated",
	"nation-state": "Nation-state", "sensationalist": "Other", "spy": "Other", "terrorist": "Terrorist", "unknown": "Unknown",
}

var stixActorInternal = map[string]string{"insider-accidental": "Unknown", "insider-disgruntled": "Unknown"}

var stixMotive = map[string]string{
	"accidental": "NA", "coercion": "Fear", "dominance": "Other", "ideology": "Ideology", "notoriety": "Fun", "organizational-gain": "Espionage",
	"personal-gain": "Financial", "personal-satisfaction": "Fun", "revenge": "Grudge", "unpredictable": "Other",
}

var stixMalware = map[string]string{
	"adware": "Adware", "backdoor": "Backdoor", "bot": "C2", "bootkit": "Rootkit", "ddos": "DoS", "downloader": "Downloader", "dropper": "Downloader",
	"exploit-kit": "Exploit vuln", "keylogger": "Spyware/Keylogger", "ransomware": "Ransomware", "remote-access-trojan": "RAT",
	"resource-exploitation": "Cryptocurrency mining", "rogue-security-software": "Other", "rootkit": "Rootkit", "screen-capture": "Capture app data",
	"spyware": "Spyware/Keylogger", "trojan": "Trojan", "unknown": "Unknown", "virus": "Other", "webshell": "Backdoor", "wiper": "Destroy data", "worm": "Worm",
}

// stixIncidentTypes are terms of the incident extension beside the slugs of
// actions: the action, then the class of RSIT.
var stixIncidentTypes = map[string][2]string{
	"brute-force-attempt":             {"hacking-brute-force", "intrusion-attempts:brute-force"},
	"dictionary-attack-attempt":       {"hacking-brute-force", "intrusion-attempts:brute-force"},
	"password-cracking-attempt":       {"hacking-offline-cracking", "intrusion-attempts:brute-force"},
	"c&c-server-hosting":              {"malware-c2", "malicious-code:c2-server"},
	"compromised-system":              {"", "intrusions:system-compromise"},
	"data-exfiltration":               {"malware-export-data", "information-content-security:data-leak"},
	"deletion-information":            {"", "information-content-security:data-loss"},
	"denial-of-service":               {"hacking-dos", "availability:dos"},
	"packet-flood":                    {"hacking-dos", "availability:dos"},
	"dissemination-malware-email":     {"social-phishing", "malicious-code:malware-distribution"},
	"dissemination-phishing-emails":   {"social-phishing", "fraud:phishing"},
	"hosting-malware-webpage":         {"", "malicious-code:malware-distribution"},
	"hosting-phishing-sites":          {"social-phishing", "fraud:phishing"},
	"dns-cache-poisoning":             {"hacking-cache-poisoning", ""},
	"equipment-loss":                  {"error-loss", ""},
	"equipment-theft":                 {"physical-theft", "intrusions:burglary"},
	"exploit":                         {"hacking-exploit-vuln", "intrusions:application-compromise"},
	"exploit-attempt":                 {"hacking-exploit-vuln", "intrusion-attempts:exploit"},
	"file-inclusion":                  {"hacking-rfi", "intrusions:application-compromise"},
	"file-inclusion-attempt":          {"hacking-rfi", "intrusion-attempts:exploit"},
	"infected-by-known-malware":       {"malware-unknown", "malicious-code:infected-system"},
	"known-malware":                   {"malware-unknown", "malicious-code:infected-system"},
	"misconfiguration":                {"error-misconfiguration", "availability:misconfiguration"},
	"modification-information":        {"", "information-content-security:unauthorised-information-modification"},
	"network-scanning":                {"hacking-scan-network", "information-gathering:scanner"},
	"scan-probe":                      {"hacking-scan-network", "information-gathering:scanner"},
	"system-probe":                    {"hacking-scan-network", "information-gathering:scanner"},
	"ransomware":                      {"malware-ransomware", "malicious-code:infected-system"},
	"spam":                            {"social-spam", "abusive-content:spam"},
	"sql-injection":                   {"hacking-sqli", "intrusions:application-compromise"},
	"sql-injection-attempt":           {"hacking-sqli", "intrusion-attempts:exploit"},
	"theft-access-credentials":        {"hacking-use-of-stolen-creds", ""},
	"unauthorized-access-information": {"", "information-content-security:unauthorised-information-access"},
	"unauthorized-access-system":      {"", "intrusions:unprivileged-account-compromise"},
	"unauthorized-release":            {"", "information-content-security:data-leak"},
	"unauthorized-use":                {"misuse-privilege-abuse", "fraud:unauthorised-use-of-resources"},
	"illegitimate-use-name":           {"", "fraud:masquerade"},
	"copyrighted-content":             {"", "fraud:copyright"},
	"wiretapping":                     {"physical-wiretapping", "information-gathering:sniffing"},
	"worm-spreading":                  {"malware-worm", "malicious-code:infected-system"},
	"xss":                             {"hacking-xss", "intrusions:application-compromise"},
	"xss-attempt":                     {"hacking-xss", "intrusion-attempts:exploit"},
}

var stixLoss = map[string]string{
	"confirmed-loss": "Yes", "exploited-loss": "Yes", "suspected-loss": "Potentially", "contained": "No", "none": "No",
}

var stixAlteration = map[string]string{
	"potential-modification": "Modify data", "partial-modification": "Modify data", "full-modification": "Modify data",
}

// stixDestruction are alterations of which the standard speaks as a loss of
// availability.
var stixDestruction = map[string]string{
	"potential-destruction": "Destruction", "partial-destruction": "Destruction", "full-destruction": "Destruction",
}

// stixIndustry are the sectors of STIX as industries of NAICS, as exactly as
// the sector says.
var stixIndustry = map[string]string{
	"agriculture": "11", "aerospace": "3364", "automotive": "3361", "chemical": "325", "communications": "517", "construction": "23", "defense": "928110",
	"education": "61", "energy": "221", "entertainment": "71", "financial-services": "52", "government": "92", "emergency-services": "922",
	"government-local": "92", "government-national": "92", "government-public-services": "92", "government-regional": "92", "healthcare": "62",
	"hospitality-leisure": "72", "dams": "221111", "nuclear": "221113", "water": "2213", "insurance": "524", "manufacturing": "31-33", "mining": "21",
	"non-profit": "813", "pharmaceuticals": "3254", "retail": "44-45", "technology": "51", "telecommunications": "517", "transportation": "48-49", "utilities": "22",
}

// industryStix are the sectors of industries, by the longest beginning of
// their code that stands here.
var industryStix = map[string]string{
	"11": "agriculture", "21": "mining", "22": "utilities", "221": "energy", "221111": "dams", "221113": "nuclear", "2213": "water", "23": "construction",
	"31": "manufacturing", "32": "manufacturing", "33": "manufacturing", "325": "chemical", "3254": "pharmaceuticals", "3361": "automotive", "3364": "aerospace",
	"44": "retail", "45": "retail", "48": "transportation", "49": "transportation", "51": "technology", "517": "telecommunications",
	"52": "financial-services", "524": "insurance", "61": "education", "62": "healthcare", "71": "entertainment", "72": "hospitality-leisure", "813": "non-profit",
	"92": "government", "922": "emergency-services", "9281": "defense",
}

// stixRegion are the regions of STIX as areas and subregions of UN M49.
var stixRegion = map[string]string{
	"africa": "002000", "eastern-africa": "002014", "middle-africa": "002017", "northern-africa": "002015", "southern-africa": "002018", "western-africa": "002011",
	"americas": "019000", "latin-america-caribbean": "019419", "south-america": "019005", "caribbean": "019029", "central-america": "019013", "northern-america": "019021",
	"asia": "142000", "central-asia": "142143", "eastern-asia": "142030", "southern-asia": "142034", "south-eastern-asia": "142035", "western-asia": "142145",
	"europe": "150000", "eastern-europe": "150151", "northern-europe": "150154", "southern-europe": "150039", "western-europe": "150155",
	"oceania": "009000", "australia-new-zealand": "009053", "melanesia": "009054", "micronesia": "009057", "polynesia": "009061",
}

// stixRoles are the parts that observables play in an infrastructure.
var stixRoles = map[string]string{
	"command-and-control": "c2", "botnet": "c2", "exfiltration": "exfiltration", "hosting-malware": "payload", "phishing": "phishing",
	"reconnaissance": "source", "anonymization": "source", "workstation": "target", "firewall": "target", "routers-switches": "target", "control-system": "target",
}

// stixRatings are the fifths of a criticality from 0 to 100.
var stixRatings = []string{"Insignificant", "Distracting", "Painful", "Damaging", "Catastrophic"}

// stixTasks are the dates that tasks of a kind tell: the end of containment
// and recovery, the start of others.
var stixTasks = map[string]string{
	"detected": "timeline.discovered", "discovery": "timeline.discovered", "containment": "timeline.contained",
	"recovery": "timeline.recovered", "reported": "timeline.notification",
}

// stixImpacts are the categories of impact that the standard has fields for;
// "monetary" is the earlier name of "economic".
var stixImpacts = []string{"availability", "confidentiality", "economic", "integrity", "monetary"}
