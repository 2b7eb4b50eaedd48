package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"reconnect.example/vault"
)

// etag is the strong validator of an item and of its bytes: the revision, which
// grows with every change of either.
func etag(revision uint64) string { return `"` + strconv.FormatUint(revision, 10) + `"` }

// wantedRevision reads If-Match: exactly one strong tag, as GET returned it. An
// entity tag that this server never gave cannot match and is revision 0, which
// no item has. "*" is refused: it names no revision, so a change made in between
// by somebody else would be overwritten unseen.
func wantedRevision(ifMatch string) (uint64, error) {
	ifMatch = strings.TrimSpace(ifMatch)
	if ifMatch == "" {
		return 0, errPrecondition
	}
	opaque, ok := entityTag(ifMatch)
	if !ok {
		return 0, invalid("header.If-Match", `one entity tag as returned in ETag, such as "7"`)
	}
	revision, err := strconv.ParseUint(opaque, 10, 64)
	if err != nil || etag(revision) != ifMatch {
		return 0, nil
	}
	return revision, nil
}

// contentTag is the strong validator of what has no revision: of what it says.
func contentTag(of any) (string, error) {
	raw, err := json.Marshal(of)
	return `"` + digestKey(raw) + `"`, err
}

// ThisContent is something at the content that the caller has seen.
type ThisContent struct {
	IfMatch string `header:"If-Match" doc:"The ETag of what you have read, with its quotes; \"*\" for whatever is there, also what the store altered. Without it the request is refused, so that nobody overwrites what they have not seen."`
}

// any reports whether the caller wants to replace whatever is there.
func (in *ThisContent) any() bool { return strings.TrimSpace(in.IfMatch) == "*" }

// saw checks that the caller has seen what is there now.
func (in *ThisContent) saw(now any) error {
	wanted := strings.TrimSpace(in.IfMatch)
	if wanted == "" {
		return errPrecondition
	}
	if _, ok := entityTag(wanted); !ok {
		return invalid("header.If-Match", `one entity tag as returned in ETag, or "*"`)
	}
	tag, err := contentTag(now)
	if err == nil && tag != wanted {
		err = vault.ErrRevision
	}
	return err
}

// Unless is the condition under which nothing has to be sent again.
type Unless struct {
	IfNoneMatch string `header:"If-None-Match" doc:"The ETag that you have: 304 and no body, if it is still that."`
}

// status is that of an answer with this tag.
func (in *Unless) status(tag string) int {
	if unchanged(in.IfNoneMatch, tag) {
		return http.StatusNotModified
	}
	return http.StatusOK
}

// unchanged is the condition of If-None-Match (RFC 9110, 13.1.2): weak
// comparison, any of a list, or "*".
func unchanged(ifNoneMatch, current string) bool {
	for tag := range strings.SplitSeq(ifNoneMatch, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == current {
			return true
		}
	}
	return false
}

// entityTag returns what is between the quotes of one entity tag, weak or strong.
func entityTag(s string) (string, bool) {
	inner, ok := strings.CutPrefix(strings.TrimPrefix(s, "W/"), `"`)
	if !ok {
		return "", false
	}
	inner, ok = strings.CutSuffix(inner, `"`)
	return inner, ok && !strings.ContainsAny(inner, "\", \t")
}
