package api

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"reconnect.example/refserver/problem"
	"reconnect.example/vault"
)

// A document is uploaded as it is: the body is its bytes, Content-Type what it
// claims to be, Content-Length its size, so that a full space is refused before
// the first byte. What is known of it stands in headers and not in the address:
// addresses end in the logs of proxies, where the name of a paper has no place.
const (
	headerName        = "Document-Name"
	headerCompartment = "Document-Compartment"
	headerFolder      = "Document-Folder"
	headerIssued      = "Document-Issued"
	headerExpires     = "Document-Expires"
)

// channel is what Origin says of everything that comes through this interface.
const channel = "api"

func (a *API) addDocument(w http.ResponseWriter, r *http.Request, v *vault.Vault) error {
	doc, err := newDocument(r)
	if err != nil {
		return err
	}
	if doc.Name, err = nameHeader(r.Header.Get(headerName)); err != nil {
		return err
	}
	if doc.Compartment, err = compartmentOf(r.Header.Get(headerCompartment)); err != nil {
		return invalid("header."+headerCompartment, "is neither private nor shared")
	}
	if doc.Folder, err = folderID("header."+headerFolder, r.Header.Get(headerFolder)); err != nil {
		return err
	}
	item, err := v.AddDocument(r.Context(), doc, &uploadBody{Reader: r.Body})
	if err != nil {
		return err
	}
	w.Header().Set("Location", itemAddress(item.ID))
	writeItem(w, http.StatusCreated, item)
	return nil
}

func (a *API) replaceDocument(w http.ResponseWriter, r *http.Request, v *vault.Vault) error {
	revision, err := wantedRevision(r.Header.Get("If-Match"))
	if err != nil {
		return err
	}
	id, err := itemID(r.PathValue("item"))
	if err != nil {
		return err
	}
	doc, err := newDocument(r)
	if err != nil {
		return err
	}
	item, err := v.ReplaceDocument(r.Context(), id, revision, doc, &uploadBody{Reader: r.Body})
	if err != nil {
		return err
	}
	writeItem(w, http.StatusOK, item)
	return nil
}

// newDocument reads what both kinds of upload say of the bytes.
func newDocument(r *http.Request) (vault.NewDocument, error) {
	doc := vault.NewDocument{
		Issued:  vault.Date(r.Header.Get(headerIssued)),
		Expires: vault.Date(r.Header.Get(headerExpires)),
		Size:    r.ContentLength, // -1: not known
		Channel: channel,
	}
	// Bytes that are packed by the transport would be stored packed, and a form
	// with its envelope: both look like a damaged paper months later.
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return doc, errMediaType
	}
	if claimed := r.Header.Get("Content-Type"); claimed != "" {
		mediaType, parameters, err := mime.ParseMediaType(claimed)
		if err != nil {
			return doc, invalid("header.Content-Type", "is not a media type")
		}
		if strings.HasPrefix(mediaType, "multipart/") || mediaType == "application/x-www-form-urlencoded" {
			return doc, errMediaType
		}
		if doc.MediaType = mime.FormatMediaType(mediaType, parameters); doc.MediaType == "" {
			doc.MediaType = mediaType
		}
	}
	return doc, nil
}

// nameHeader reads a name that was written with percent signs, because a header
// holds no other letters than those of ASCII safely.
func nameHeader(header string) (string, error) {
	name, err := url.PathUnescape(header)
	if err != nil || !utf8.ValidString(name) {
		return "", invalid("header."+headerName, `is not UTF-8 written as in an address: "Carte%20d%27identit%C3%A9"`)
	}
	return name, nil
}

// uploadBody is the body of an upload, with ends that cannot be mistaken.
type uploadBody struct {
	io.Reader
	read bool
}

// Read tells an upload that broke off from one that ended: net/http says
// io.ErrUnexpectedEOF for a body that was cut, which is also what io.ReadFull
// says of an honest end, and a truncated paper must never be stored. An empty
// body is a camera that failed, not a document.
func (b *uploadBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.read = b.read || n > 0
	switch {
	case err == io.EOF && !b.read:
		return n, invalid("body", "is empty")
	case err != nil && err != io.EOF:
		// The cause is hidden from errors.Is on purpose.
		return n, fmt.Errorf("%w: %v", problem.ErrTruncated, err)
	}
	return n, err
}

func writeItem(w http.ResponseWriter, status int, item vault.Item) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("ETag", etag(item.Revision))
	w.WriteHeader(status)
	// The document is stored; a caller who has gone learns it from the list.
	_ = json.NewEncoder(w).Encode(itemJSON(item))
}
