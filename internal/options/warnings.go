package options

// maxSensiblePayload is the largest payload that is not warned about.
const maxSensiblePayload = 8 << 20

// StartWarnings tells what is allowed but not advisable. Unlike ConfigWarnings it
// is about the settings as they are in the end, wherever they come from, and is no
// fault of a file.
func (o *Options) StartWarnings() (warnings []string) {
	if len(o.TrustedOperators) > 0 && o.SystemAccount == "" {
		warnings = append(warnings, "Trusted Operators should utilize a System Account")
	}
	if o.MaxPayload > maxSensiblePayload {
		warnings = append(warnings, "Maximum payloads over 8.00 MB are generally discouraged and could lead to poor performance")
	}
	return warnings
}
