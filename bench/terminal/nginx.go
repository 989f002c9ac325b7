package terminal

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/pruvon/pruvon/bench/internal/harness"
	"github.com/pruvon/pruvon/bench/internal/wsclient"
)

const (
	nginx    = "nginx"
	getNginx = "apt-get install nginx"
)

// nginxConfig has what examples/nginx/pruvon.conf has; the arguments are the directory, the address to
// listen on, the server's name and the upstream.
const nginxConfig = `daemon off;
pid %[1]s/nginx.pid;
error_log stderr error;
worker_processes auto;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path %[1]s/body;
    proxy_temp_path %[1]s/proxy;
    fastcgi_temp_path %[1]s/fastcgi;
    uwsgi_temp_path %[1]s/uwsgi;
    scgi_temp_path %[1]s/scgi;
    server {
        listen %[2]s ssl http2;
        server_name %[3]s;
        ssl_certificate %[1]s/cert.pem;
        ssl_certificate_key %[1]s/key.pem;
        location / {
            proxy_pass http://%[4]s;
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection "upgrade";
            proxy_read_timeout 3600;
            proxy_send_timeout 3600;
        }
    }
}
`

// startBehindNginx starts Pruvon's server and nginx with TLS in front of it. The server is Pruvon's: what
// nginx uses is not counted.
func startBehindNginx(ctx context.Context, env *harness.Env, c serverConfig) (*harness.Server, dialer, error) {
	srv, err := env.Serve(ctx, rolePruvon, c)
	if err != nil {
		return nil, nil, err
	}
	dir, err := env.TempDir()
	if err != nil {
		return nil, nil, err
	}
	pool, err := writeCertificate(dir)
	if err != nil {
		return nil, nil, err
	}
	addr, err := harness.FreeAddr()
	if err != nil {
		return nil, nil, err
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, nginxConfig, dir, addr, serverName, srv.Addr), 0o600); err != nil {
		return nil, nil, err
	}
	if _, err := env.Program(ctx, addr, nginx, "-e", "stderr", "-p", dir, "-c", file); err != nil {
		return nil, nil, err
	}
	return srv, func(ctx context.Context, name string) (client, error) {
		return dialPage(ctx, addr, name, wsclient.Options{
			TLS: &tls.Config{RootCAs: pool, ServerName: serverName}, Buffer: pageBuffer(name),
		})
	}, nil
}

// writeCertificate writes a self-signed certificate for serverName and returns a pool that trusts it.
func writeCertificate(dir string) (*x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(time.Now().UnixNano()),
		Subject:               pkix.Name{CommonName: serverName},
		DNSNames:              []string{serverName},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	parsed, err := x509.ParseCertificate(cert)
	if err != nil {
		return nil, err
	}
	pool.AddCert(parsed)
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			return nil, err
		}
	}
	return pool, nil
}
