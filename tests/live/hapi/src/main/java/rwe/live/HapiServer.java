package rwe.live;

import ca.uhn.fhir.batch2.api.IJobMaintenanceService;
import ca.uhn.fhir.batch2.jobs.config.Batch2JobsConfig;
import ca.uhn.fhir.batch2.jobs.export.BulkDataExportProvider;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.IValidationSupport;
import ca.uhn.fhir.interceptor.api.IInterceptorService;
import ca.uhn.fhir.jpa.api.config.JpaStorageSettings;
import ca.uhn.fhir.jpa.api.config.ThreadPoolFactoryConfig;
import ca.uhn.fhir.jpa.api.dao.IFhirSystemDao;
import ca.uhn.fhir.jpa.batch2.JpaBatch2Config;
import ca.uhn.fhir.jpa.config.HapiJpaConfig;
import ca.uhn.fhir.jpa.config.r4.JpaR4Config;
import ca.uhn.fhir.jpa.config.r5.JpaR5Config;
import ca.uhn.fhir.jpa.config.util.HapiEntityManagerFactoryUtil;
import ca.uhn.fhir.jpa.model.config.PartitionSettings;
import ca.uhn.fhir.jpa.model.config.SubscriptionSettings;
import ca.uhn.fhir.jpa.model.dialect.HapiFhirH2Dialect;
import ca.uhn.fhir.jpa.provider.JpaCapabilityStatementProvider;
import ca.uhn.fhir.jpa.provider.JpaSystemProvider;
import ca.uhn.fhir.jpa.search.DatabaseBackedPagingProvider;
import ca.uhn.fhir.jpa.subscription.channel.config.SubscriptionChannelConfig;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.ResourceProviderFactory;
import ca.uhn.fhir.rest.server.util.ISearchParamRegistry;
import jakarta.persistence.EntityManagerFactory;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.apache.commons.dbcp2.BasicDataSource;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.orm.jpa.JpaTransactionManager;
import org.springframework.orm.jpa.LocalContainerEntityManagerFactoryBean;

/**
 * HAPI FHIR JPA over an in-memory database, on 127.0.0.1 only: {@code HapiServer R4|R5 URL_FILE [PORT]}.
 *
 * <p>Writes its base URL to URL_FILE once it serves. Ends on SIGTERM, and when its standard input closes, so that a
 * test run that is killed leaves no server behind (by hand: keep standard input open).
 */
public final class HapiServer {

  @Configuration
  @Import({
    HapiJpaConfig.class,
    JpaBatch2Config.class,
    Batch2JobsConfig.class,
    SubscriptionChannelConfig.class, // export jobs travel over its in-memory queue; no Subscription is served
    ThreadPoolFactoryConfig.class
  })
  static class Storage {

    @Bean
    JpaStorageSettings storageSettings() {
      JpaStorageSettings settings = new JpaStorageSettings();
      settings.setReuseCachedSearchResultsForMillis(null); // a test must see what it has just written
      settings.setEnforceReferentialIntegrityOnWrite(false); // real extracts hold references to what was not sent
      settings.setEnforceReferentialIntegrityOnDelete(false);
      settings.setJobFastTrackingEnabled(true);
      return settings;
    }

    @Bean
    PartitionSettings partitionSettings() {
      return new PartitionSettings();
    }

    @Bean
    SubscriptionSettings subscriptionSettings() {
      return new SubscriptionSettings();
    }

    @Bean
    DataSource dataSource() {
      BasicDataSource source = new BasicDataSource();
      source.setUrl("jdbc:h2:mem:hapi;DB_CLOSE_DELAY=-1");
      source.setMaxTotal(30);
      return source;
    }

    @Bean
    LocalContainerEntityManagerFactoryBean entityManagerFactory(
        ConfigurableListableBeanFactory beans, FhirContext fhir, JpaStorageSettings settings, DataSource source) {
      var factory = HapiEntityManagerFactoryUtil.newEntityManagerFactory(beans, fhir, settings);
      Properties jpa = new Properties();
      jpa.put("hibernate.dialect", HapiFhirH2Dialect.class.getName());
      jpa.put("hibernate.hbm2ddl.auto", "create");
      jpa.put("hibernate.search.enabled", "false"); // no full-text index: no _content, no _text
      jpa.put("hibernate.jdbc.batch_size", "50");
      factory.setDataSource(source);
      factory.setPersistenceUnitName("hapi");
      factory.setJpaProperties(jpa);
      return factory;
    }

    @Bean
    JpaTransactionManager transactionManager(EntityManagerFactory factory) {
      return new JpaTransactionManager(factory);
    }
  }

  @Configuration
  @Import({Storage.class, JpaR4Config.class})
  static class R4 {}

  @Configuration
  @Import({Storage.class, JpaR5Config.class})
  static class R5 {}

  public static void main(String[] args) {
    try {
      run(args[0], Path.of(args[1]), args.length > 2 ? Integer.parseInt(args[2]) : 0);
      System.exit(0);
    } catch (Throwable fault) { // the libraries' threads would keep a half-started server alive
      fault.printStackTrace();
      System.exit(1);
    }
  }

  private static void run(String version, Path urlFile, int port) throws Exception {
    Class<?> wiring = Map.of("R4", R4.class, "R5", R5.class).get(version);
    ApplicationContext beans = new AnnotationConfigApplicationContext(wiring);
    String base = serve(fhirServlet(beans), port);
    moveExports(beans.getBean(IJobMaintenanceService.class));
    publish(base, urlFile);
    System.in.transferTo(OutputStream.nullOutputStream());
  }

  private static RestfulServer fhirServlet(ApplicationContext beans) {
    RestfulServer fhir = new RestfulServer(beans.getBean(FhirContext.class));
    fhir.setInterceptorService(beans.getBean(IInterceptorService.class));
    fhir.registerProviders(beans.getBean(ResourceProviderFactory.class).createProviders());
    fhir.registerProvider(beans.getBean(JpaSystemProvider.class));
    fhir.registerProvider(beans.getBean(BulkDataExportProvider.class));
    fhir.setPagingProvider(paging(beans.getBean(DatabaseBackedPagingProvider.class)));
    fhir.setServerConformanceProvider(
        new JpaCapabilityStatementProvider(
            fhir,
            beans.getBean(IFhirSystemDao.class),
            beans.getBean(JpaStorageSettings.class),
            beans.getBean(ISearchParamRegistry.class),
            beans.getBean(IValidationSupport.class)));
    return fhir;
  }

  /** The page sizes of HAPI's own starter: 20, and a larger _count than 200 is cut to 200 in silence. */
  private static DatabaseBackedPagingProvider paging(DatabaseBackedPagingProvider provider) {
    provider.setDefaultPageSize(20);
    provider.setMaximumPageSize(200);
    return provider;
  }

  private static String serve(RestfulServer fhir, int port) throws Exception {
    Server jetty = new Server();
    ServerConnector loopback = new ServerConnector(jetty);
    loopback.setHost("127.0.0.1");
    loopback.setPort(port);
    jetty.addConnector(loopback);
    ServletContextHandler root = new ServletContextHandler("/");
    root.addServlet(new ServletHolder(fhir), "/fhir/*");
    jetty.setHandler(root);
    jetty.start();
    return "http://127.0.0.1:" + loopback.getLocalPort() + "/fhir";
  }

  /** Without this an $export moves on once a minute, with HAPI's own scheduler. */
  private static void moveExports(IJobMaintenanceService exports) {
    Executors.newSingleThreadScheduledExecutor()
        .scheduleWithFixedDelay(exports::runMaintenancePass, 500, 500, TimeUnit.MILLISECONDS);
  }

  /** Moved into place whole: who waits for the file never reads half a URL. */
  private static void publish(String base, Path file) throws IOException {
    Path part = Path.of(file + ".part");
    Files.writeString(part, base);
    Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
  }
}
