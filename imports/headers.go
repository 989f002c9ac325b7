package imports

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pruvon/pruvon/internal/gate"
)

// Headers of resumable uploads (the IETF draft "Resumable Uploads for HTTP")
// and of digests (RFC 9530).
const (
	hdrComplete  = "Upload-Complete"
	hdrOffset    = "Upload-Offset"
	hdrLength    = "Upload-Length"
	hdrLimit     = "Upload-Limit"
	hdrDigest    = "Repr-Digest"
	hdrIdemKey   = "Idempotency-Key"
	maxSFInteger = 999_999_999_999_999 // RFC 9651 section 3.3.1
)

// one returns a header's single value. The headers here are Items of RFC 9651:
// several lines are as wrong as none of them.
func one(h http.Header, name string) (v string, present bool, err error) {
	values := h.Values(name)
	switch len(values) {
	case 0:
		return "", false, nil
	case 1:
		return strings.Trim(values[0], " "), true, nil
	default:
		return "", true, gate.BadRequest(name + " is sent more than once")
	}
}

// sfInt reads a non-negative Integer (RFC 9651 section 3.3.1).
func sfInt(h http.Header, name string) (n int64, present bool, err error) {
	v, present, err := one(h, name)
	if err != nil || !present {
		return 0, present, err
	}
	if v == "" || len(v) > 15 || strings.Trim(v, "0123456789") != "" {
		return 0, true, gate.BadRequest(name + " must be a whole number from 0 to 999999999999999")
	}
	n, err = strconv.ParseInt(v, 10, 64)
	if err != nil || n > maxSFInteger {
		return 0, true, gate.BadRequest(name + " must be a whole number from 0 to 999999999999999")
	}
	return n, true, nil
}

// sfBool reads a Boolean (RFC 9651 section 3.3.6).
func sfBool(h http.Header, name string) (b, present bool, err error) {
	v, present, err := one(h, name)
	switch {
	case err != nil || !present:
		return false, present, err
	case v == "?1":
		return true, true, nil
	case v == "?0":
		return false, true, nil
	default:
		return false, true, gate.BadRequest(name + " must be ?0 or ?1")
	}
}

// reprDigest reads the sha-256 member of Repr-Digest (RFC 9530 section 3) as
// hex. Members in algorithms that are not known are ignored, as it says.
func reprDigest(h http.Header) (string, error) {
	bad := gate.BadRequest(hdrDigest + " must look like sha-256=:BASE64:")
	sum := ""
	for member := range strings.SplitSeq(strings.Join(h.Values(hdrDigest), ","), ",") {
		member = strings.Trim(member, " \t")
		if member == "" {
			continue
		}
		name, v, ok := strings.Cut(member, "=")
		if !ok {
			return "", bad
		}
		if name != "sha-256" {
			continue
		}
		v, _, _ = strings.Cut(v, ";") // parameters carry nothing here
		if len(v) < 2 || v[0] != ':' || v[len(v)-1] != ':' {
			return "", bad
		}
		raw, err := base64.StdEncoding.DecodeString(v[1 : len(v)-1])
		if err != nil || len(raw) != sha256.Size {
			return "", bad
		}
		sum = hex.EncodeToString(raw) // the last one counts (RFC 9651 section 3.2)
	}
	return sum, nil
}

// idempotencyKey reads the key: a quoted string, as the draft has it, or a
// bare token, as clients send it.
func idempotencyKey(h http.Header) (string, error) {
	v, present, err := one(h, hdrIdemKey)
	if err != nil || !present {
		return "", err
	}
	if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' {
		v = v[1 : len(v)-1]
	}
	if v == "" || len(v) > 255 {
		return "", gate.BadRequest(hdrIdemKey + " must have 1 to 255 characters")
	}
	for i := range len(v) {
		if v[i] <= 0x20 || v[i] > 0x7e || v[i] == '"' || v[i] == '\\' {
			return "", gate.BadRequest(hdrIdemKey + " must be printable ASCII without spaces and quotes")
		}
	}
	return v, nil
}

// fileName reads the file's name out of a Content-Disposition, "" when there
// is none. Only a plain name is taken: it is for display, and who sends a path
// means something that will not happen.
func fileName(disposition string) (string, error) {
	if disposition == "" {
		return "", nil
	}
	if len(disposition) > 4096 {
		return "", errFileName()
	}
	_, params, err := mime.ParseMediaType(disposition)
	if err != nil {
		return "", errFileName()
	}
	name, ok := params["filename"]
	if !ok {
		return "", nil
	}
	return name, checkFileName(name)
}

func checkFileName(name string) error {
	if name == "" || name == "." || name == ".." || len(name) > 255 || !utf8.ValidString(name) ||
		strings.ContainsAny(name, `/\`) || oneLine(name, 255) != name {
		return errFileName()
	}
	return nil
}

func errFileName() *gate.Problem {
	return &gate.Problem{
		Name: "file-name", Title: "Bad file name", Status: http.StatusBadRequest,
		Detail: "the file name must be a plain name of at most 255 bytes, without a path and without control characters",
	}
}
