package api

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"

	"reconnect.example/internal/safename"
	"reconnect.example/vault"
)

// readDocument answers with the bytes of a document or a part of them.
func (a *API) readDocument(w http.ResponseWriter, r *http.Request, v *vault.Vault) error {
	id, err := itemID(r.PathValue("item"))
	if err != nil {
		return err
	}
	plain := r.Method == http.MethodGet && r.Header.Get("Range") == "" && r.Header.Get("If-None-Match") == ""
	if plain { // one read, one line in the journal
		content, err := v.ReadDocument(r.Context(), id)
		return answer(w, content, nil, err)
	}
	item, err := v.Item(r.Context(), id)
	if err != nil {
		return err
	}
	if item.Document == nil {
		return invalid("item", "is not a document")
	}
	if unchanged(r.Header.Get("If-None-Match"), etag(item.Revision)) {
		w.Header().Set("ETag", etag(item.Revision))
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if r.Method == http.MethodHead {
		contentHeaders(w.Header(), item, item.Document.Size)
		w.WriteHeader(http.StatusOK)
		return nil
	}
	return readPart(w, r, v, item)
}

// readThumbnail answers with a small picture. That it is a JPEG the server says, and
// no browser guesses anything else (A8).
func (a *API) readThumbnail(w http.ResponseWriter, r *http.Request, v *vault.Vault) error {
	id, err := itemID(r.PathValue("item"))
	if err != nil {
		return err
	}
	small, err := v.ReadThumbnail(r.Context(), id)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Content-Length", strconv.Itoa(len(small)))
	w.WriteHeader(http.StatusOK)
	_, err = w.Write(small)
	return err
}

// readPart answers with the part that Range asks for, or with the whole.
func readPart(w http.ResponseWriter, r *http.Request, v *vault.Vault, item vault.Item) error {
	wanted := r.Header.Get("Range")
	if condition := r.Header.Get("If-Range"); condition != "" && condition != etag(item.Revision) {
		wanted = "" // of another revision: the whole (RFC 9110, 13.1.5)
	}
	part, err := wantedPart(wanted, item.Document.Size)
	if err != nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", item.Document.Size))
		return err
	}
	if part == nil {
		content, err := v.ReadDocument(r.Context(), item.ID)
		return answer(w, content, nil, err)
	}
	content, err := v.ReadDocumentRange(r.Context(), item.ID, part.offset, part.length)
	if err == nil && content.Item.Revision != item.Revision { // replaced since its size was read
		return errors.Join(vault.ErrRevision, content.Close())
	}
	return answer(w, content, part, err)
}

// answer sends a content that was opened, the whole or a part.
func answer(w http.ResponseWriter, content *vault.Content, part *span, err error) error {
	if err != nil {
		return err
	}
	defer content.Close()
	return send(w, content, func() {
		size := content.Item.Document.Size
		if part == nil {
			contentHeaders(w.Header(), content.Item, size)
			w.WriteHeader(http.StatusOK)
			return
		}
		contentHeaders(w.Header(), content.Item, part.length)
		w.Header().Set("Content-Range", part.contentRange(size))
		w.WriteHeader(http.StatusPartialContent)
	})
}

// contentHeaders describe the bytes. They make a browser save them and never
// show or run them, whatever the depositor called them (A8).
func contentHeaders(h http.Header, item vault.Item, length int64) {
	mediaType := passive(item.Document.MediaType)
	h.Set("Content-Type", mediaType)
	h.Set("Content-Disposition", safename.Attachment(safename.File(item.Name, mediaType)))
	h.Set("Content-Length", strconv.FormatInt(length, 10))
	h.Set("ETag", etag(item.Revision))
	h.Set("Accept-Ranges", "bytes")
	h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(item.Document.Digest)+":") // RFC 9530
}

// passive returns the claimed media type if no browser runs anything in it, and
// otherwise says nothing but that these are bytes.
func passive(claimed string) string {
	mediaType, _, _ := mime.ParseMediaType(claimed)
	switch mediaType {
	case "application/pdf", "image/jpeg", "image/png", "image/webp", "image/gif", "image/heic", "image/heif", "image/tiff",
		"text/plain", "audio/mpeg", "audio/mp4", "audio/ogg", "audio/webm", "audio/wav", "audio/aac", "video/mp4", "video/webm":
		return mediaType
	}
	return "application/octet-stream"
}

// chunk is how much is held back while the next is read.
const chunk = 64 << 10

// send writes a content, one chunk behind what it reads. So what fails at once
// can still be told as a problem (header is called before the first byte), and
// the last bytes leave only when the library has verified the end and the
// digest: a download that fails is never as long as it said, and never looks
// complete (A12).
func send(w http.ResponseWriter, content io.Reader, header func()) error {
	held, next := make([]byte, chunk), make([]byte, chunk)
	n, err := fill(content, held)
	if err != nil && err != io.EOF {
		return err
	}
	header()
	for err == nil {
		var more int
		more, err = fill(content, next)
		if err != nil && err != io.EOF {
			return err
		}
		if _, err := w.Write(held[:n]); err != nil {
			return err
		}
		held, next, n = next, held, more
	}
	if _, err := w.Write(held[:n]); err != nil {
		return err
	}
	return flush(w)
}

// fill reads until p is full or the content ends with io.EOF. io.ReadFull would
// make an honest end and a broken stream the same io.ErrUnexpectedEOF.
func fill(content io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var more int
		more, err = content.Read(p[n:])
		n += more
	}
	return n, err
}

// flush sends what net/http still buffers, under the deadline of the last write.
func flush(w http.ResponseWriter) error {
	err := http.NewResponseController(w).Flush()
	if errors.Is(err, http.ErrNotSupported) { // a recorder in a test
		return nil
	}
	return err
}
