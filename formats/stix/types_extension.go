package stix

import "strings"

// predefined are the extensions of the specification, by the observable that
// they extend, and those of an impact.
var predefined = map[string]map[string]rule{
	"impact": impactExtensions,
	"file": {
		"archive-ext": object(fields{properties: map[string]rule{"contains_refs": list(observableReference("file", "directory")), "comment": text}, required: []string{"contains_refs"}}),
		"ntfs-ext": object(fields{
			properties: map[string]rule{"sid": text, "alternate_data_streams": list(object(fields{properties: map[string]rule{"name": text, "hashes": hashes, "size": natural}, required: []string{"name"}}))},
			some:       []string{"sid", "alternate_data_streams"},
		}),
		"pdf-ext": object(fields{
			properties: map[string]rule{"version": text, "is_optimized": boolean, "document_info_dict": documentInfo, "pdfid0": text, "pdfid1": text},
			some:       []string{"version", "is_optimized", "document_info_dict", "pdfid0", "pdfid1"},
		}),
		"raster-image-ext": object(fields{
			properties: map[string]rule{"image_height": whole, "image_width": whole, "bits_per_pixel": whole, "image_compression_algorithm": text, "exif_tags": dictionaryAsIs(textOrWhole)},
			some:       []string{"image_height", "image_width", "bits_per_pixel", "image_compression_algorithm", "exif_tags"},
		}),
		"windows-pebinary-ext": portableExecutable,
	},
	"network-traffic": {
		"http-request-ext": object(fields{
			properties: map[string]rule{"request_method": lowerCase, "request_value": text, "request_version": text, "request_header": headers, "message_body_length": whole,
				"message_body_data_ref": observableReference("artifact")},
			required: []string{"request_method", "request_value"},
		}),
		"icmp-ext": object(fields{properties: map[string]rule{"icmp_type_hex": hexa, "icmp_code_hex": hexa}, required: []string{"icmp_type_hex", "icmp_code_hex"}}),
		"socket-ext": object(fields{
			properties: map[string]rule{"address_family": oneOf("AF_UNSPEC", "AF_INET", "AF_IPX", "AF_APPLETALK", "AF_NETBIOS", "AF_INET6", "AF_IRDA", "AF_BTH"),
				"is_blocking": boolean, "is_listening": boolean, "options": socketOptions,
				"socket_type": oneOf("SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW", "SOCK_RDM", "SOCK_SEQPACKET"), "socket_descriptor": natural, "socket_handle": whole},
			required: []string{"address_family"},
		}),
		"tcp-ext": object(fields{properties: map[string]rule{"src_flags_hex": hexa, "dst_flags_hex": hexa}, some: []string{"src_flags_hex", "dst_flags_hex"}}),
	},
	"process": {
		"windows-process-ext": object(fields{
			properties: map[string]rule{"aslr_enabled": boolean, "dep_enabled": boolean, "priority": wished(func(s string) bool { return strings.HasSuffix(s, "_CLASS") }, "a class of priority ends in _CLASS"),
				"owner_sid": text, "window_title": text, "startup_info": dictionaryAsIs(anything), "integrity_level": oneOf("low", "medium", "high", "system")},
			some: []string{"aslr_enabled", "dep_enabled", "priority", "owner_sid", "window_title", "startup_info", "integrity_level"},
		}),
		"windows-service-ext": object(fields{
			properties: map[string]rule{"service_name": text, "descriptions": texts, "display_name": text, "group_name": text,
				"start_type":       oneOf("SERVICE_AUTO_START", "SERVICE_BOOT_START", "SERVICE_DEMAND_START", "SERVICE_DISABLED", "SERVICE_SYSTEM_ALERT"),
				"service_dll_refs": list(observableReference("file")),
				"service_type":     oneOf("SERVICE_KERNEL_DRIVER", "SERVICE_FILE_SYSTEM_DRIVER", "SERVICE_WIN32_OWN_PROCESS", "SERVICE_WIN32_SHARE_PROCESS"),
				"service_status": oneOf("SERVICE_CONTINUE_PENDING", "SERVICE_PAUSE_PENDING", "SERVICE_PAUSED", "SERVICE_RUNNING", "SERVICE_START_PENDING",
					"SERVICE_STOP_PENDING", "SERVICE_STOPPED")},
			some: []string{"service_name", "descriptions", "display_name", "group_name", "start_type", "service_dll_refs", "service_type", "service_status"},
		}),
	},
	"user-account": {
		"unix-account-ext": object(fields{properties: map[string]rule{"gid": whole, "groups": texts, "home_dir": text, "shell": text}, some: []string{"gid", "groups", "home_dir", "shell"}}),
	},
}

var lowerCase = wished(func(s string) bool { return strings.ToLower(s) == s }, "it is written in lower case")

// documentInfo names what the specification of PDF does; other names are
// warned of.
func documentInfo(v *validator, value any) {
	dictionaryAsIs(text)(v, value)
	o, _ := value.(Object)
	for _, m := range o {
		switch m.Name {
		case "Title", "Author", "Subject", "Keywords", "Creator", "Producer", "CreationDate", "ModDate", "Trapped":
		default:
			v.shouldAt(m.Name, "a PDF's information has no such entry")
		}
	}
}

func socketOptions(v *validator, value any) {
	dictionaryAsIs(whole)(v, value)
	o, _ := value.(Object)
	for _, m := range o {
		prefix, _, _ := strings.Cut(m.Name, "_")
		switch prefix {
		case "SO", "ICMP", "ICMP6", "IP", "IPV6", "MCAST", "TCP", "IRLMP":
		default:
			v.shouldAt(m.Name, "an option of a socket starts with SO_, ICMP_, ICMP6_, IP_, IPV6_, MCAST_, TCP_ or IRLMP_")
		}
	}
}

var portableExecutable = object(fields{
	properties: map[string]rule{"pe_type": openly("windows-pebinary-type-ov"), "imphash": text, "machine_hex": hexa, "number_of_sections": natural, "time_date_stamp": secondMoment,
		"pointer_to_symbol_table_hex": hexa, "number_of_symbols": natural, "size_of_optional_header": natural, "characteristics_hex": hexa,
		"file_header_hashes": hashes, "optional_header": optionalHeader,
		"sections": list(object(fields{properties: map[string]rule{"name": text, "size": natural, "entropy": number(0, 8), "hashes": hashes}, required: []string{"name"}}))},
	required: []string{"pe_type"},
})

var optionalHeader = object(fields{
	properties: map[string]rule{"magic_hex": hexa, "major_linker_version": whole, "minor_linker_version": whole, "size_of_code": natural, "size_of_initialized_data": natural,
		"size_of_uninitialized_data": natural, "address_of_entry_point": whole, "base_of_code": whole, "base_of_data": whole, "image_base": whole,
		"section_alignment": whole, "file_alignment": whole, "major_os_version": whole, "minor_os_version": whole, "major_image_version": whole,
		"minor_image_version": whole, "major_subsystem_version": whole, "minor_subsystem_version": whole, "win32_version_value_hex": hexa,
		"size_of_image": natural, "size_of_headers": natural, "checksum_hex": hexa, "subsystem_hex": hexa, "dll_characteristics_hex": hexa,
		"size_of_stack_reserve": natural, "size_of_stack_commit": natural, "size_of_heap_reserve": whole, "size_of_heap_commit": whole,
		"loader_flags_hex": hexa, "number_of_rva_and_sizes": whole, "hashes": hashes},
})
