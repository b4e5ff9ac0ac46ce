# SPDX-License-Identifier: MIT
"""What the chart renders keeps the guarantees that docker-compose.yml keeps."""

import importlib.util
import json
import re
import shutil

import jsonschema
import pytest
import yaml

from conftest import CHART, CHECKOUT, EXAMPLES, KUBERNETES, OPERATORS, SECURED, SMALL, VALUES, helm, template

ADMIN = {"gateway": 8081, "worker": 8082}
ALLOWED = {
    "gateway": {"broker-gateway"},
    "worker": {"broker-worker", "database-worker"},
    "status": {"broker-worker", "database-reader"},
    "setup": {"broker-owner", "broker-gateway", "broker-worker", "broker-listen", "broker-monitor", "database-owner",
              "database-worker", "database-reader"},
}


def environment(pod):
    (container,) = pod["containers"]
    names = [entry["name"] for entry in container["env"]]
    assert len(names) == len(set(names)), "a setting twice"
    assert "envFrom" not in container
    return {entry["name"]: entry["value"] for entry in container["env"]}


def mounted(pod):
    """The files in the volume of passwords and CAs."""
    (volume,) = (volume for volume in pod["volumes"] if volume["name"] == "secrets")
    return {item["path"] for source in volume["projected"]["sources"] for item in source["secret"]["items"]}


def egress_ports(policy):
    return {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}


def seconds(text):
    assert text.endswith("s")
    return int(text[:-1])


@pytest.mark.parametrize("values", list(VALUES))
def test_helm_lint_finds_nothing(values, tmp_path):
    files = []
    for value in VALUES[values]:
        path = value
        if isinstance(value, dict):
            path = tmp_path / "values.yaml"
            path.write_text(yaml.safe_dump(value), encoding="utf-8")
        files += ["-f", path]
    done = helm("lint", "--strict", CHART, *files)
    assert done.returncode == 0, done.stdout


def test_the_chart_is_of_the_release_that_is_in_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    version = (CHECKOUT / "VERSION").read_text("ascii").strip()
    assert (chart["version"], chart["appVersion"]) == (version, version)


# --- secrets ------------------------------------------------------------------


def test_no_setting_has_a_secret_and_no_secret_is_rendered(release):
    assert not release.all("Secret")
    for pod in release.pods().values():
        (container,) = pod["containers"]
        assert all("valueFrom" not in entry for entry in container["env"])
        for name, value in environment(pod).items():
            assert not re.search("PASSWORD|TOKEN|SECRET", name) or name.endswith("_FILE"), name
            assert not re.search(r"//[^/@]*:[^/@]*@", value), f"{name} has a password in its URL"


def test_each_program_gets_only_its_own_secrets_and_every_file_that_it_reads(release):
    for component, pod in release.pods().items():
        files = mounted(pod)
        assert {name for name in files if not name.endswith("-ca.crt")} <= ALLOWED[component]
        read = re.findall(r"/run/secrets/sluice/([^& ]+)", " ".join(environment(pod).values()))
        assert set(read) == files, component


def test_the_gateway_has_nothing_of_the_database(release):
    pod = release.pods()["gateway"]
    assert "database" not in json.dumps([environment(pod), pod["volumes"]]).lower()
    policy = release.one("NetworkPolicy", "gateway")["spec"]
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    database = release.one("NetworkPolicy", "worker")["spec"]["egress"][-1]
    assert [port["port"] for port in database["ports"]] == [5432]
    assert database not in policy["egress"]
    assert egress_ports({"spec": policy}) in ({53, 5672}, {53, 5671})
    assert all("ports" in rule for rule in policy["egress"]), "a rule without ports allows all of them"


def test_only_what_needs_a_server_may_reach_it(release):
    broker = {5672, 5671}
    for component in ("gateway", "worker", "setup", "status"):
        policy = release.one("NetworkPolicy", component)
        labels = policy["spec"]["podSelector"]["matchLabels"]
        assert labels["app.kubernetes.io/component"] == component
        ports = egress_ports(policy)
        assert ports & broker
        assert (5432 in ports) == (component != "gateway")
        assert bool(ports & {15671, 15672}) == (component == "setup")
    for component, port in ADMIN.items():
        for rule in release.one("NetworkPolicy", component)["spec"]["ingress"]:
            if [entry["port"] for entry in rule["ports"]] == [port]:
                assert rule["from"], "anyone may scrape"
            else:
                assert [entry["port"] for entry in rule["ports"]] == [8080] and component == "gateway"


# --- pods ---------------------------------------------------------------------


def test_every_pod_is_restricted(release):
    for pod in release.pods().values():
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True and context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert context["runAsUser"] == context["fsGroup"] == 10001
        assert re.search(r"^USER 10001:10001$", (CHECKOUT / "Dockerfile").read_text("utf-8"), re.M)
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        (container,) = pod["containers"]
        assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                                "capabilities": {"drop": ["ALL"]}}
        assert "memory" in container["resources"]["limits"]
        assert all(mount["readOnly"] for mount in container["volumeMounts"])
        for volume in pod["volumes"]:
            content = volume.get("projected") or volume.get("secret") or {"defaultMode": 0o440}
            assert content["defaultMode"] == 0o440


def test_no_probe_touches_the_event_port(release):
    """There, a request on any path is an event."""
    for component, port in ADMIN.items():
        (container,) = release.pods()[component]["containers"]
        ports = {entry["name"]: entry["containerPort"] for entry in container["ports"]}
        assert ports["admin"] == port
        for probe, path in (("startupProbe", "/health"), ("livenessProbe", "/health"), ("readinessProbe", "/ready")):
            assert container[probe]["httpGet"] == {"path": path, "port": "admin"}
        assert "lifecycle" not in container


def test_the_grace_period_has_room_for_lame_duck_and_drain(release):
    for component in ADMIN:
        pod = release.pods()[component]
        settings = environment(pod)
        names = [name for name in settings if name.endswith(("_LAME_DUCK", "_DRAIN"))]
        assert len(names) == (2 if component == "gateway" else 1)
        assert pod["terminationGracePeriodSeconds"] >= sum(seconds(settings[name]) for name in names) + 10


def test_services_select_their_pods_and_the_public_one_has_the_event_port_only(release):
    for component, port in ADMIN.items():
        labels = release.one("Deployment", component)["spec"]["template"]["metadata"]["labels"]
        admin = release.one("Service", f"{component}-admin")["spec"]
        assert admin["clusterIP"] == "None" and admin["ports"][0]["port"] == port
        assert admin["selector"].items() <= labels.items()
    public = release.one("Service", "gateway")["spec"]
    assert [entry["targetPort"] for entry in public["ports"]] == ["events"]
    settings = environment(release.pods()["status"])
    assert settings["GATEWAY_ADMINS"] == "hooks-sluice-gateway-admin:8081"


def test_a_disruption_takes_one_pod_and_one_that_is_not_ready_holds_up_no_node(release):
    for budget in release.all("PodDisruptionBudget"):
        assert budget["spec"]["maxUnavailable"] == 1
        assert budget["spec"]["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_pods_are_spread_over_zones_and_nodes(release):
    for component in ADMIN:
        keys = [entry["topologyKey"] for entry in release.pods()[component]["topologySpreadConstraints"]]
        assert keys == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]


def test_every_object_has_the_recommended_labels(release):
    for entry in release.objects:
        assert {"app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component",
                "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart"} <= set(entry["metadata"]["labels"])


# --- setup --------------------------------------------------------------------


def test_setup_runs_before_gateways_and_workers_and_needs_nothing_of_the_release(release):
    hooks = {(entry["kind"], entry["metadata"]["name"]): entry["metadata"].get("annotations", {}) for entry in release.objects}
    job = hooks["Job", "hooks-sluice-setup"]
    policy = hooks["NetworkPolicy", "hooks-sluice-setup"]
    assert job["helm.sh/hook"] == policy["helm.sh/hook"] == "pre-install,pre-upgrade"
    assert int(policy["helm.sh/hook-weight"]) < int(job["helm.sh/hook-weight"])
    pod = release.pods()["setup"]
    assert "serviceAccountName" not in pod and pod["restartPolicy"] == "Never"
    assert not any("configMap" in volume for volume in pod["volumes"])
    assert environment(pod)["SETUP_WAIT"] == "120s"


def test_what_is_unset_stays_unchanged_by_setup(render):
    settings = environment(render(SMALL).pods()["setup"])
    assert not {"DATABASE_BUDGET", "QUEUE_MAX_BYTES", "DELAYS", "SETUP_MONITOR_BROKER_PASSWORD_FILE"} & set(settings)
    settings = environment(render(OPERATORS).pods()["setup"])
    assert (settings["DATABASE_BUDGET"], settings["QUEUE_MAX_BYTES"]) == ("20", "4294967296B")


def test_setup_and_workers_have_the_same_delays(render):
    pods = render(SMALL, SECURED).pods()
    assert {environment(pods[component])["DELAYS"] for component in ("setup", "worker", "status")} == {"5s,1min"}


def test_setup_workers_and_status_have_as_many_queues_and_keda_counts_all(render):
    pods = render(SMALL).pods()
    assert not any("QUEUE_SHARDS" in environment(pods[component]) for component in ("setup", "worker", "status"))
    release = render(OPERATORS, {"queueShards": 4})
    assert {environment(release.pods()[component])["QUEUE_SHARDS"] for component in ("setup", "worker", "status")} == {"4"}
    (trigger,) = release.one("ScaledObject", "worker")["spec"]["triggers"]
    pattern = re.compile(trigger["metadata"]["queueName"])
    assert (trigger["metadata"]["useRegex"], trigger["metadata"]["operation"]) == ("true", "sum")
    assert [name for name in ("webhooks.ingest", "webhooks.ingest.3", "webhooks.ingestion", "webhooks.retry.10")
            if pattern.search(name)] == ["webhooks.ingest", "webhooks.ingest.3"]


def test_workers_may_drain_more_queues_than_setup_binds(render):
    pods = render(SMALL, {"queueShards": 1, "worker": {"settings": {"QUEUE_SHARDS": "4"}}}).pods()
    assert environment(pods["setup"])["QUEUE_SHARDS"] == "1"
    assert environment(pods["worker"])["QUEUE_SHARDS"] == "4"


# --- routes -------------------------------------------------------------------


def test_the_routes_are_a_file_in_a_folder_that_is_updated_while_the_pod_runs(render):
    release = render(OPERATORS)
    routes = json.loads(release.one("ConfigMap", "routes")["data"]["routes.json"])
    jsonschema.validate(routes, json.loads((CHECKOUT / "etc" / "routes.schema.json").read_text("utf-8")))
    pod = release.pods()["gateway"]
    (container,) = pod["containers"]
    folders = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert environment(pod)["GATEWAY_ROUTES"] == "/etc/sluice/routes.json"
    assert environment(pod)["GATEWAY_RELOAD"] == "change"
    assert {"/etc/sluice", "/run/secrets/webhooks"} <= set(folders)
    assert not any("subPath" in mount for mount in folders.values())
    for source in routes["sources"]:
        for secret in source["verify"]["secrets"]:
            assert secret["file"].startswith("/run/secrets/webhooks/")


def test_a_routes_file_of_your_own_is_used_in_place_of_the_charts(render):
    release = render(OPERATORS, {"routes": {"existingConfigMap": "mine"}})
    assert not release.all("ConfigMap")
    (volume,) = (volume for volume in release.pods()["gateway"]["volumes"] if volume["name"] == "routes")
    assert volume["configMap"]["name"] == "mine"


# --- scaling ------------------------------------------------------------------


@pytest.mark.parametrize("most", [1, 50, 1000])
def test_keda_scales_workers_to_any_maximum_as_the_database_holds_the_budget(render, most):
    release = render(OPERATORS, {"worker": {"keda": {"minReplicaCount": 1, "maxReplicaCount": most}}})
    scaled = release.one("ScaledObject", "worker")["spec"]
    assert scaled["maxReplicaCount"] == most and scaled["minReplicaCount"] >= 1, "at 0 nobody would notice a retry"
    (trigger,) = scaled["triggers"]
    assert re.search(trigger["metadata"]["queueName"], "webhooks.ingest") and trigger["metadata"]["vhostName"] == "sluice"
    assert (trigger["metadata"]["protocol"], trigger["metadata"]["mode"]) == ("http", "QueueLength")
    assert "@" not in trigger["metadata"]["host"] and trigger["metadata"]["host"] == "http://mq:15672/"
    login = release.one("TriggerAuthentication", trigger["authenticationRef"]["name"].removeprefix("hooks-sluice-"))
    assert {entry["parameter"] for entry in login["spec"]["secretTargetRef"]} == {"username", "password"}
    assert "replicas" not in release.one("Deployment", "worker")["spec"], "helm would undo what KEDA does"
    assert environment(release.pods()["setup"])["DATABASE_BUDGET"] == "20", "whatever the number of workers"


def test_an_autoscaler_of_gateways_owns_their_number(render):
    release = render(OPERATORS)
    scaler = release.one("HorizontalPodAutoscaler", "gateway")["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 12)
    assert "replicas" not in release.one("Deployment", "gateway")["spec"]


def test_gateways_may_stay_on_the_earlier_release_while_workers_are_upgraded(render):
    pods = render(SMALL, {"image": {"tag": "0.2.0"}, "gateway": {"imageTag": "0.1.0"}}).pods()
    assert {name: pod["containers"][0]["image"] for name, pod in pods.items()} == {
        "gateway": "sluice:0.1.0", "worker": "sluice:0.2.0", "setup": "sluice:0.2.0", "status": "sluice:0.2.0"}


# --- TLS, Prometheus ----------------------------------------------------------


def test_with_tls_every_link_is_verified(render):
    for pod in render(SMALL, SECURED).pods().values():
        settings = environment(pod)
        assert settings["BROKER_URL"].startswith("amqps://") and ":5671/" in settings["BROKER_URL"]
        assert settings["BROKER_CA"] == "/run/secrets/sluice/broker-ca.crt"
        assert settings.get("BROKER_MANAGEMENT_URL", "https:").startswith("https:")
        for name in ("DATABASE_URL", "SETUP_DATABASE_URL"):
            assert settings.get(name, "sslmode=verify-full&sslrootcert=").count("sslmode=verify-full&sslrootcert=") == 1


def test_the_rules_are_those_of_compose_with_the_bound_that_setup_sets(render):
    release = render(OPERATORS)
    (rules,) = release.all("PrometheusRule")
    ours = (CHECKOUT / "deploy" / "prometheus" / "sluice.rules.yml").read_text("utf-8")
    assert rules["spec"] == yaml.safe_load(ours.replace("vector(1073741824)", "vector(4294967296)"))
    jobs = {entry["spec"]["podMetricsEndpoints"][0]["relabelings"][0]["replacement"] for entry in release.all("PodMonitor")}
    assert jobs == {"sluice-gateway", "sluice-worker"}


# --- values -------------------------------------------------------------------


def test_only_settings_that_the_programs_have_can_be_set_and_none_that_the_chart_sets(refused):
    for component, name in (("gateway", "GATEWAY_THREADZ"), ("gateway", "BROKER_PASSWORD"), ("gateway", "GATEWAY_DRAIN"),
                            ("worker", "DATABASE_PASSWORD"), ("worker", "GATEWAY_THREADS")):
        assert f"{component}.settings" in refused(SMALL, {component: {"settings": {name: "1"}}})
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    document = (CHECKOUT / "docs" / "configuration.md").read_text("utf-8")
    for component in ADMIN:
        table = re.search(rf"<!-- settings: sluice-{component} -->(.*?)<!-- end -->", document, re.S)[1]
        allowed = schema["properties"][component]["properties"]["settings"]["propertyNames"]["enum"]
        assert set(allowed) <= set(re.findall(r"^\| `([A-Z_]+)`", table, re.M))


@pytest.mark.parametrize(("wrong", "said"), [
    ({"worker": {"keda": {"enabled": True, "minReplicaCount": 0}}}, "worker.keda.minReplicaCount"),
    ({"worker": {"keda": {"enabled": True}}}, "secrets.brokerMonitor.name"),
    ({"queueMaxBytes": 1000}, "queueMaxBytes"),
    ({"gateway": {"replica": 2}}, "replica"),
    ({"broker": {"hosts": []}}, "broker.hosts"),
    ({"database": {"hosts": ["user:password@db"]}}, "database.hosts"),
    ({"database": {"tls": {"enabled": True}}}, "database.tls.ca.secret"),
    ({"secrets": {"databaseWorker": {"name": ""}}}, "secrets.databaseWorker.name"),
])
def test_a_wrong_value_is_named(refused, wrong, said):
    assert said in refused(SMALL, wrong)


def test_gateways_without_routes_are_warned_of(tmp_path):
    """`helm template` prints no notes, so a copy of the chart has them in a ConfigMap."""
    chart = tmp_path / "sluice"
    shutil.copytree(CHART, chart)
    (chart / "templates" / "NOTES.txt").rename(chart / "files" / "NOTES.txt")
    (chart / "templates" / "notes.yaml").write_text('notes: {{ tpl (.Files.Get "files/NOTES.txt") . | quote }}\n', "ascii")
    for values, warned in ((SMALL, True), (OPERATORS, False)):
        done = helm("template", "hooks", chart, "--kube-version", KUBERNETES, "-f", values, "-s", "templates/notes.yaml")
        assert done.returncode == 0, done.stderr
        notes = yaml.safe_load(done.stdout)["notes"]
        assert "kubectl -n default logs job/hooks-sluice-setup" in notes
        assert ("WARNING: there are no routes" in notes) == warned


# --- Kubernetes' own schemas --------------------------------------------------

VALIDATOR = importlib.util.find_spec("kubernetes_validate")


@pytest.mark.skipif(VALIDATOR is None, reason="kubernetes-validate isn't installed: tests/helm/check says how")
@pytest.mark.parametrize("kubernetes", ["1.25", "1.28", "1.31", "1.34", "1.37"])
@pytest.mark.parametrize("values", list(VALUES))
def test_kubernetes_knows_every_member(values, kubernetes, tmp_path):
    import kubernetes_validate  # pylint: disable=import-outside-toplevel,import-error
    done = template(tmp_path, *VALUES[values], kubernetes=f"{kubernetes}.0")
    assert done.returncode == 0, done.stderr
    checked = 0
    for entry in filter(None, yaml.safe_load_all(done.stdout)):
        if re.search(r"(keda\.sh|coreos\.com)/", entry["apiVersion"]):
            continue
        kubernetes_validate.validate(entry, kubernetes, strict=True)
        checked += 1
    assert checked >= 11


def test_the_examples_name_the_secrets_and_servers_that_the_values_name():
    values = yaml.safe_load(OPERATORS.read_text("utf-8"))
    (broker, _) = yaml.safe_load_all((EXAMPLES / "rabbitmq.yaml").read_text("utf-8"))
    database = yaml.safe_load((EXAMPLES / "postgres.yaml").read_text("utf-8"))
    assert values["broker"]["hosts"] == [broker["metadata"]["name"]] and values["broker"]["nodes"] == broker["spec"]["replicas"]
    assert broker["spec"]["secretBackend"]["externalSecret"]["name"] == values["secrets"]["brokerOwner"]["name"]
    assert values["database"]["hosts"] == [database["metadata"]["name"] + "-rw"]
    assert database["spec"]["bootstrap"]["initdb"]["secret"]["name"] == values["secrets"]["databaseOwner"]["name"]
    assert database["spec"]["postgresql"]["synchronous"] == {"method": "any", "number": 1, "dataDurability": "required"}
    assert database["spec"]["instances"] == 3
