package api

import (
	"strconv"
	"strings"
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
