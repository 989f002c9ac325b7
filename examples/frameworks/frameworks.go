// Package frameworks mounts one http.Handler, such as Pruvon's, below /ops in
// the routers that services use. Each of them hands the connection through, so
// that WebSockets and streams work.
package frameworks

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v4"
)

// NetHTTP mounts app with the standard library.
func NetHTTP(app http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/ops/", http.StripPrefix("/ops", app))
	return mux
}

// Chi mounts app in a chi router. chi's Mount does not strip the path.
func Chi(app http.Handler) http.Handler {
	r := chi.NewRouter()
	r.Mount("/ops", http.StripPrefix("/ops", app))
	return r
}

// Gin mounts app in a gin engine. gin's own client address is not used:
// proxyhdr finds it out.
func Gin(app http.Handler) http.Handler {
	r := gin.New()
	r.RedirectTrailingSlash = false
	r.Any("/ops/*path", gin.WrapH(http.StripPrefix("/ops", app)))
	return r
}

// Echo mounts app in an echo instance.
func Echo(app http.Handler) http.Handler {
	e := echo.New()
	e.Any("/ops/*", echo.WrapHandler(http.StripPrefix("/ops", app)))
	return e
}
