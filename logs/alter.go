package logs

// alteration is what can happen to a line between its source and its viewers.
type alteration uint8

const (
	alteredRedacted alteration = iota // Redact changed it
	alteredCut                        // it was longer than maxLine
	alteredInvalid                    // bytes that are no UTF-8 were made visible
	alteredControl                    // escapes, controls or hidden characters were made visible
	alterationKinds
)

// alterations names them, a closed set: they are metric labels.
func alterations() [alterationKinds]string {
	return [...]string{
		alteredRedacted: "redacted", alteredCut: "cut", alteredInvalid: "invalid_utf8", alteredControl: "control",
	}
}

// altered counts lines by what happened to them. One line may count for several.
type altered [alterationKinds]int64

func (a *altered) add(kind alteration, yes bool) {
	if yes {
		a[kind]++
	}
}
