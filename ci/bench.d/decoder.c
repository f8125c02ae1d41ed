/* What the row `decoder` measures us against: OpenSSL reads the same facts out of a file of certificates in PEM that the
 * agent keeps of one. With a second argument it reads the certificates and asks nothing of them, which is the least that
 * it can do. Prints how many certificates there were and how many bytes of text, so that no work is left out. */
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

/* Octets of text that were made. */
static unsigned long long told;

static void name(BIO *out, const X509_NAME *from)
{
    X509_NAME_print_ex(out, from, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
}

static long long seconds(const ASN1_TIME *time)
{
    struct tm parts;
    int days, rest;
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int known = ASN1_TIME_to_tm(time, &parts) && ASN1_TIME_diff(&days, &rest, epoch, time);
    ASN1_TIME_free(epoch);
    return known ? days * 86400LL + rest : 0;
}

static void alternative_names(BIO *out, X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    for (int at = 0; at < sk_GENERAL_NAME_num(names); at++)
        GENERAL_NAME_print(out, sk_GENERAL_NAME_value(names, at));
    GENERAL_NAMES_free(names);
}

static int facts(BIO *out, X509 *certificate)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int length = 0;
    if (!X509_digest(certificate, EVP_sha256(), digest, &length))
        return 0;
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
    char *serial = number ? BN_bn2dec(number) : NULL;
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    BIO_printf(out, "%lld %lld %s %d %d %u %u %d %d %u", seconds(X509_get0_notBefore(certificate)), seconds(X509_get0_notAfter(certificate)),
               serial ? serial : "", X509_check_ca(certificate), X509_get_signature_nid(certificate), (unsigned)X509_get_key_usage(certificate),
               (unsigned)X509_get_extended_key_usage(certificate), key ? EVP_PKEY_get_base_id(key) : 0, key ? EVP_PKEY_get_bits(key) : 0, digest[0]);
    name(out, X509_get_subject_name(certificate));
    name(out, X509_get_issuer_name(certificate));
    alternative_names(out, certificate);
    OPENSSL_free(serial);
    BN_free(number);
    told += BIO_pending(out);
    return BIO_reset(out) == 1;
}

int main(int count, char **arguments)
{
    BIO *in = count > 1 ? BIO_new_file(arguments[1], "r") : NULL;
    BIO *out = BIO_new(BIO_s_mem());
    X509 *certificate;
    unsigned long found = 0;
    if (!in || !out)
        return 2;
    while ((certificate = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
        if (count == 2 && !facts(out, certificate))
            return 1;
        X509_free(certificate);
        found++;
    }
    printf("%lu %llu\n", found, told);
    BIO_free(out);
    BIO_free(in);
    return 0;
}
