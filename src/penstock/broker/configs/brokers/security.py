"""Who may connect, and how. None of it is served yet, so only Kafka's defaults are taken."""

SETTINGS = """
authorizer.class.name string = "" only:acl
    The class that decides who may do what.
allow.everyone.if.no.acl.found boolean = true internal only:acl
    Whether everybody may use what no rule is about.
super.users string internal only:acl
    Users that may do everything.
principal.builder.class class per-broker only:plugins
    = org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder
    The class that names a client.
connections.max.reauth.ms long = 0 only:sasl
    How long a client may go on without proving again who it is.
connection.failed.authentication.delay.ms int = 100 only:sasl
    How long a client that failed to prove itself is kept waiting.
security.providers string only:plugins
    Classes that implement security algorithms.
delegation.token.secret.key password only:tokens
    The key that tokens are made with.
delegation.token.max.lifetime.ms long = 604800000 only:tokens
    How long a token can be renewed.
delegation.token.expiry.time.ms long = 86400000 only:tokens
    How long a token is good for.
delegation.token.expiry.check.interval.ms long = 3600000 only:tokens
    How often tokens are looked at for their expiry.
sasl.enabled.mechanisms list = GSSAPI per-broker only:sasl
    Ways of proving who one is.
sasl.jaas.config password per-broker only:sasl
    Login of a mechanism.
sasl.mechanism.controller.protocol string = GSSAPI only:sasl
    The mechanism between brokers and controllers.
sasl.mechanism.inter.broker.protocol string = GSSAPI per-broker only:sasl
    The mechanism between brokers.
sasl.client.callback.handler.class class only:sasl
    The class of the client's side.
sasl.server.callback.handler.class class only:sasl
    The class of the broker's side.
sasl.server.max.receive.size int = 524288 only:sasl
    The largest message before a client is known.
sasl.login.class class only:sasl
    The class that logs in.
sasl.login.callback.handler.class class only:sasl
    The class that a login asks for secrets.
sasl.login.connect.timeout.ms int only:sasl
    How long a login waits for a connection.
sasl.login.read.timeout.ms int only:sasl
    How long a login waits for an answer.
sasl.login.refresh.buffer.seconds short = 300 per-broker only:sasl
    How long before its end a login is renewed at the latest.
sasl.login.refresh.min.period.seconds short = 60 per-broker only:sasl
    The shortest time between two renewals.
sasl.login.refresh.window.factor double = 0.8 per-broker only:sasl
    Share of a login's life after which it is renewed.
sasl.login.refresh.window.jitter double = 0.05 per-broker only:sasl
    How much that differs by chance.
sasl.login.retry.backoff.ms long = 100 only:sasl
    First pause after a failed login.
sasl.login.retry.backoff.max.ms long = 10000 only:sasl
    Longest pause after a failed login.
sasl.kerberos.service.name string per-broker only:sasl
    Name of the service in Kerberos.
sasl.kerberos.kinit.cmd string = /usr/bin/kinit per-broker only:sasl
    Where the program kinit lies.
sasl.kerberos.min.time.before.relogin long = 60000 per-broker only:sasl
    Pause between attempts to renew a ticket.
sasl.kerberos.principal.to.local.rules list = DEFAULT per-broker only:sasl
    How principals become user names.
sasl.kerberos.ticket.renew.jitter double = 0.05 per-broker only:sasl
    How much the renewal of tickets differs by chance.
sasl.kerberos.ticket.renew.window.factor double = 0.8 per-broker only:sasl
    Share of a ticket's life after which it is renewed.
sasl.oauthbearer.assertion.algorithm string = RS256 only:sasl
    How an assertion is signed.
sasl.oauthbearer.assertion.claim.aud string only:sasl
    The audience that an assertion names.
sasl.oauthbearer.assertion.claim.exp.seconds int = 300 only:sasl
    How long an assertion is good for.
sasl.oauthbearer.assertion.claim.iss string only:sasl
    The issuer that an assertion names.
sasl.oauthbearer.assertion.claim.jti.include boolean = false only:sasl
    Whether an assertion has a number of its own.
sasl.oauthbearer.assertion.claim.nbf.seconds int = 60 only:sasl
    How long before its making an assertion is good.
sasl.oauthbearer.assertion.claim.sub string only:sasl
    The subject that an assertion names.
sasl.oauthbearer.assertion.file string only:sasl
    Where a ready assertion lies.
sasl.oauthbearer.assertion.private.key.file string only:sasl
    Where the key for assertions lies.
sasl.oauthbearer.assertion.private.key.passphrase password only:sasl
    Opens that key.
sasl.oauthbearer.assertion.template.file string only:sasl
    Where more claims of an assertion lie.
sasl.oauthbearer.client.credentials.client.id string only:sasl
    Name of the client at the token server.
sasl.oauthbearer.client.credentials.client.secret password only:sasl
    Secret of the client at the token server.
sasl.oauthbearer.clock.skew.seconds int = 30 only:sasl
    How far clocks may differ.
sasl.oauthbearer.expected.audience list = "" only:sasl
    Audiences that a token may name.
sasl.oauthbearer.expected.issuer string only:sasl
    The issuer that a token must name.
sasl.oauthbearer.jwks.endpoint.url string only:sasl
    Where the keys of tokens are found.
sasl.oauthbearer.jwks.endpoint.refresh.ms long = 3600000 only:sasl
    How often those keys are read again.
sasl.oauthbearer.jwks.endpoint.retry.backoff.ms long = 100 only:sasl
    First pause after those keys could not be read.
sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms long = 10000 only:sasl
    Longest pause after those keys could not be read.
sasl.oauthbearer.jwt.retriever.class class only:sasl
    = org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever
    The class that gets tokens.
sasl.oauthbearer.jwt.validator.class class only:sasl
    = org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator
    The class that checks tokens.
sasl.oauthbearer.scope string only:sasl
    The scope that a token is asked for.
sasl.oauthbearer.scope.claim.name string = scope only:sasl
    Name of the claim with the scope.
sasl.oauthbearer.sub.claim.name string = sub only:sasl
    Name of the claim with the subject.
sasl.oauthbearer.token.endpoint.url string only:sasl
    Where tokens are given out.
ssl.allow.dn.changes boolean = false only:tls
    Whether a renewed certificate may have another name.
ssl.allow.san.changes boolean = false only:tls
    Whether a renewed certificate may have other alternative names.
ssl.cipher.suites list = "" per-broker only:tls
    Ciphers that may be used.
ssl.client.auth string = none per-broker only:tls
    Whether clients must show a certificate.
ssl.enabled.protocols list = TLSv1.2,TLSv1.3 per-broker only:tls
    Versions of TLS that may be used.
ssl.endpoint.identification.algorithm string = https per-broker only:tls
    How a certificate's host is checked.
ssl.engine.factory.class class per-broker only:tls
    The class that makes TLS engines.
ssl.key.password password per-broker only:tls
    Opens the private key.
ssl.keymanager.algorithm string = SunX509 per-broker only:tls
    How the key store is used.
ssl.keystore.certificate.chain password per-broker only:tls
    The certificate with those above it, as PEM.
ssl.keystore.key password per-broker only:tls
    The private key, as PEM.
ssl.keystore.location string per-broker only:tls
    Where the key store lies.
ssl.keystore.password password per-broker only:tls
    Opens the key store.
ssl.keystore.type string = JKS per-broker only:tls
    Format of the key store.
ssl.principal.mapping.rules string = DEFAULT only:tls
    How names in certificates become user names.
ssl.protocol string = TLSv1.3 per-broker only:tls
    The version of TLS that is offered.
ssl.provider string per-broker only:tls
    Which library does TLS.
ssl.secure.random.implementation string per-broker only:tls
    Where random numbers come from.
ssl.trustmanager.algorithm string = PKIX per-broker only:tls
    How the trust store is used.
ssl.truststore.certificates password per-broker only:tls
    Certificates that are trusted, as PEM.
ssl.truststore.location string per-broker only:tls
    Where the trust store lies.
ssl.truststore.password password per-broker only:tls
    Opens the trust store.
ssl.truststore.type string = JKS per-broker only:tls
    Format of the trust store.
"""
