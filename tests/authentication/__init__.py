"""True handshakes: a Kerberos realm and an NTLM acceptor, whole."""
